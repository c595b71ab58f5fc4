"""The commands: python -m streamlearner score|choose|show."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import uuid
from typing import Any

from .client import Model
from .errors import RejectionError, StreamlearnerError

_EXAMPLES = """examples:
  python -m streamlearner score fraud '{"card":"4711","amount":120.5}'
  python -m streamlearner score --redis rediss://reader:secret@redis:6379/0 --partition 3 fraud < events.jsonl
  python -m streamlearner choose --id d1 offers '{"country":"DE"}'
  python -m streamlearner show fraud
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m streamlearner", description="Score events with the published versions of a model.",
                                     epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("score", "score events"), ("choose", "let a bandit decide in contexts, and print what is to be logged"), ("show", "show the published versions")):
        p = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ", one line of JSON for each.", epilog=_EXAMPLES,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
        p.add_argument("--redis", default="redis://localhost:6379", metavar="URL", help="where Redis is (default %(default)s)")
        p.add_argument("--partitions", type=int, default=0, metavar="N", help="partitions of the topic (default: as many as have a state)")
        p.add_argument("model", metavar="MODEL", help="name of the model")
        if name == "choose":
            p.add_argument("--id", metavar="ID", help="id of the decision (default: a random one for each)")
            p.add_argument("--baseline", metavar="ARM", default="", help="arm that is chosen when the policy is not to choose")
        if name == "score":
            p.add_argument("--partition", type=int, metavar="N", help="ask this partition (default: that of the event's key)")
        if name != "show":
            p.add_argument("events", nargs="*", metavar="EVENT",
                           help="JSON objects (default: the lines of standard input, by the newest version at the time)")
    args = parser.parse_args(argv)
    try:
        with Model.load(args.redis, args.model, args.partitions) as model:
            return _show(model) if args.command == "show" else _ask(model, args)
    except StreamlearnerError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


def _ask(model: Model, args: argparse.Namespace) -> int:
    failed = 0
    if not args.events:
        model.watch()
    for line in args.events or sys.stdin.buffer:
        if not line.strip():
            continue
        try:
            if args.command == "choose":
                print(model.choose(args.id or uuid.uuid4().hex, line, baseline=args.baseline).json(), flush=True)
                continue
            answer = model.score(line, args.partition)
        except RejectionError as err:
            failed = 1
            _print({"error": str(err)})
            continue
        _print({k: v for k, v in dataclasses.asdict(answer).items() if v is not None and v is not False and v != ()})
    return failed


def _show(model: Model) -> int:
    for partition, v in model.versions().items():
        _print({"partition": partition, "version": v.n, "sha256": v.sha256, "mode": v.mode, "learned": v.learned, "loss": v.loss,
                "created": v.created})
    return 0


def _print(v: dict[str, Any]) -> None:
    print(json.dumps(v), flush=True)


if __name__ == "__main__":
    sys.exit(main())
