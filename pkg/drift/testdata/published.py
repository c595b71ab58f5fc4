#!/usr/bin/env python3
"""Writes published.json.gz: where River's and frouros' detectors alarm and warn.

    pip install river==0.23.0 frouros==0.9.0 scipy typing_extensions
    python published.py [STREAMS] [SEED] [FILE]

Streams are made by this script alone, parameters are the defaults and drawn
ones. Indices count from 0. Warnings are those without an alarm at the same
value, as runs: first index and length, one after the other.
"""
import gzip
import json
import random
import sys
from importlib.metadata import version

import frouros.detectors.concept_drift as fr
from river import drift
from river.drift import binary


def shift(r, n, draw):
    """One to three pieces of one family with other parameters."""
    cuts = sorted(r.sample(range(1, n), r.choice([0, 1, 1, 2])))
    out = []
    for a, b in zip([0, *cuts], [*cuts, n]):
        f = draw()
        out += [f() for _ in range(b - a)]
    return out


def bernoulli(r):
    p = r.choice([0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.95, 1])
    return lambda: int(r.random() < p)


def worse(r):
    """Errors of a classifier that becomes worse piece by piece."""
    p = r.choice([0.02, 0.1, 0.3])

    def f():
        nonlocal p
        p = min(1, p + r.choice([0, 0, 0, 0.0005]))
        return int(r.random() < p)

    return f


def normal(r):
    m, s = r.choice([0, 0, 1, -2, 5]), r.choice([0.1, 1, 1, 3])
    return lambda: round(r.gauss(m, s), 4)


def integer(r):
    a, b = r.choice([(0, 1), (0, 5), (4, 8), (-3, 3), (100, 104), (0, 0)])
    return lambda: r.randint(a, b)


def constant(r):
    c = r.choice([0, 1, 0.1, -7.3, 1e-9])
    return lambda: c


def extreme(r):
    e = r.choice([-12, -3, 0, 6, 9])
    return lambda: float(f"{r.gauss(0, 1) * 10.0 ** (e + r.randint(-2, 2)):.4g}")


def unit(r):
    a, b = r.choice([(1, 1), (2, 8), (8, 2), (0.5, 0.5)])
    return lambda: round(r.betavariate(a, b), 4)


def ramp(r):
    slope, s = r.choice([0.001, -0.002, 0.01]), r.choice([0.1, 1])
    t = [0]

    def f():
        t[0] += 1
        return round(slope * t[0] + r.gauss(0, s), 4)

    return f


ANY = [bernoulli, worse, normal, integer, constant, extreme, unit, ramp]


class Cusum:
    """frouros leaves the reset after an alarm to its user."""

    def __init__(self, **params):
        names = {"min_instances": "min_num_instances", "threshold": "lambda_", "delta": "delta"}
        self.d = fr.CUSUM(fr.CUSUMConfig(**{names[k]: v for k, v in params.items()}))
        self.drift_detected = False

    def update(self, x):
        if self.drift_detected:
            self.d.reset()
        self.d.update(x)
        self.drift_detected = bool(self.d.drift)


def kswin(**p):
    return drift.KSWIN(**{"seed": 42, **p})


def detectors(r):
    """Name, constructor, domain, and drawn parameters."""
    c = r.choice
    conf = c([1e-4, 0.001, 0.01, 0.05])
    beta = c([0.5, 0.75, 0.8, 0.9])
    warn = c([0.5, 1.0, 1.5, 2.0])
    stat = c([2, 5, 10, 30, 40])
    two = {"drift_confidence": conf, "warning_confidence": min(0.9, conf * c([1, 3, 5])), "two_sided_test": c([True, False])}
    return [
        ("adwin", drift.ADWIN, "any", {"delta": c([1e-5, 0.002, 0.05, 0.3]), "clock": c([1, 7, 32]), "max_buckets": c([2, 5, 10]),
                                       "min_window_length": c([1, 5, 30]), "grace_period": c([0, 10, 100])}),
        ("page_hinkley", drift.PageHinkley, "any", {"min_instances": c([1, 30, 100]), "delta": c([0, 0.005, 0.05]),
                                                    "threshold": c([1.0, 5.0, 20.0, 50.0]), "alpha": c([0.99, 0.9999, 1.0]),
                                                    "mode": c(["up", "down", "both"])}),
        ("cusum", Cusum, "any", {"min_instances": c([1, 30, 100]), "delta": c([0.0, 0.005, 0.5]), "threshold": c([1.0, 5.0, 20.0, 50.0])}),
        ("kswin", kswin, "any", {"alpha": c([1e-4, 0.005, 0.05]), "window_size": c([2 * stat, 100, 400]), "stat_size": stat,
                                 "seed": c([0, 1, 42, 2**33 + 5])}),
        ("ddm", binary.DDM, "binary", {"warm_start": c([0, 1, 30, 100]), "warning_threshold": warn, "drift_threshold": warn + c([0, 0.5, 1.0])}),
        ("eddm", binary.EDDM, "binary", {"warm_start": c([0, 1, 30, 100]), "alpha": min(1.0, beta + c([0, 0.05, 0.1])), "beta": beta}),
        ("hddm_a", binary.HDDM_A, "unit", two),
        ("hddm_w", binary.HDDM_W, "unit", {**two, "lambda_val": c([0.01, 0.05, 0.2, 0.5, 1.0])}),
    ]


def run(d, xs):
    alarms, warnings = [], []
    for i, x in enumerate(xs):
        d.update(x)
        if d.drift_detected:
            alarms.append(i)
        elif getattr(d, "warning_detected", False):
            if warnings and sum(warnings[-2:]) == i:
                warnings[-1] += 1
            else:
                warnings += [i, 1]
    return alarms, warnings


def main(streams=40, seed=1, path="published.json.gz"):
    r = random.Random(int(seed))
    doc = {"versions": {p: version(p) for p in ("river", "frouros")}, "streams": [], "runs": []}
    for i in range(int(streams)):
        family = ANY[i % len(ANY)]
        xs = shift(r, r.choice([120, 700, 1500]), lambda: family(r))
        doc["streams"].append(xs)
        domain = {bernoulli: ["any", "unit", "binary"], worse: ["any", "unit", "binary"], unit: ["any", "unit"]}.get(family, ["any"])
        for name, make, needs, drawn in detectors(r):
            if needs not in domain or name == "kswin" and drawn["window_size"] < 2 * drawn["stat_size"]:
                continue
            for params in ({}, drawn):
                alarms, warnings = run(make(**params), xs)
                doc["runs"].append({"stream": i, "detector": name, "params": params, "alarms": alarms, "warnings": warnings})
    with open(path, "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as z:
        z.write(json.dumps(doc, separators=(",", ":")).encode())


main(*sys.argv[1:])
