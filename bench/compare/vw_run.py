"""Runs Vowpal Wabbit over a file with the options given, and prints one JSON document.

The wheel has no vw program. A Workspace that is given a file reads, parses and learns all of it in native code, on
one thread; Python only starts it. The time to start Python and to import is not counted.
"""

import json
import sys
import time

import vowpalwabbit

begin, cpu = time.perf_counter(), time.process_time()
workspace = vowpalwabbit.Workspace(arg_list=sys.argv[1:])
workspace.finish()
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
events = workspace.get_weighted_examples()
print(json.dumps({
    "events": int(events),
    "log_loss": workspace.get_sum_loss() / events,
    "seconds": seconds,
    "cpu_seconds": cpu_seconds,
}))
