"""Runs River's StandardScaler | LogisticRegression over the first events of a file, and prints one JSON document.

Numbers are standardised; a string is a feature of its own with the value 1, as in the other tools. The time to start
Python and to import is not counted, that to read and to parse is.
"""

import itertools
import json
import math
import sys
import time

from river import compose, linear_model, preprocessing


def numbers(event):
    return {f"{o}.{k}": v for o, fields in event.items() for k, v in fields.items() if not isinstance(v, str)}


def strings(event):
    return {f"{o}.{k}={v}": 1 for o, fields in event.items() for k, v in fields.items() if isinstance(v, str)}


model = (
    (compose.FuncTransformer(numbers) | preprocessing.StandardScaler()) + compose.FuncTransformer(strings)
) | linear_model.LogisticRegression()

path, count = sys.argv[1], int(sys.argv[2])
begin, cpu = time.perf_counter(), time.process_time()
events, loss = 0, 0.0
with open(path, encoding="utf-8") as lines:
    for line in itertools.islice(lines, count):
        event = json.loads(line)
        fraud = event.pop("_label") > 0
        p = model.predict_proba_one(event)[fraud]
        model.learn_one(event, fraud)
        loss -= math.log(max(p, 1e-15))
        events += 1
print(json.dumps({
    "events": events,
    "log_loss": loss / events,
    "seconds": time.perf_counter() - begin,
    "cpu_seconds": time.process_time() - cpu,
}))
