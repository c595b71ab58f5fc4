"""Asks the bandit which offer to show, for each line of standard input, and prints the records to log.

    echo '{"id":"d-1","context":{"hour":9},"eligible":["none","tea"]}' | python3 offers.py redis://localhost:6379 offers

Its output is what belongs into the topic of decisions, a line for each, under the key
that stands before the tab; kcat -P -K '\t' writes it there.
"""

import json
import sys

import streamlearner


def main() -> None:
    url, name = sys.argv[1:]
    with streamlearner.Model.load(url, name) as model:
        model.watch()  # keeps the policy fresh in the background
        for line in sys.stdin:
            ask = json.loads(line)
            try:
                decision = model.choose(ask["id"], ask["context"], ask.get("actions"), ask.get("eligible"), baseline="none", time_ms=ask.get("ts"))
            except streamlearner.NoModelError:
                decision = model.fallback(ask["id"], ask["context"], "none", ask.get("actions"), ask.get("eligible"), time_ms=ask.get("ts"))
            print(decision.key.decode(), decision.json(), sep="\t", flush=True)


if __name__ == "__main__":
    main()
