"""The client gives the same bits as the program, of which the files in golden are."""

from __future__ import annotations

import base64
import json
import math
import pathlib
import struct
import unittest
from typing import Any

from streamlearner import Bandit, Decoder, Event, NoArmError, RejectionError, Request, Schema, SchemaError, Version, decision, open_model, portable
from streamlearner.event import Feature
from streamlearner.explore import choose
from streamlearner.wire import xxh64

HERE = pathlib.Path(__file__).parent


def golden(name: str) -> Any:
    return json.loads((HERE / "golden" / f"{name}.json").read_text())


def read(path: str) -> bytes:
    """Read a file that is named from the directory of the Go test."""
    return (HERE.parent / path).read_bytes()


def bits(v: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", v))[0]


def features(pairs: list[Any]) -> list[Feature]:
    return [Feature(int(h, 16), float(v), 0) for h, v in pairs]


class Golden(unittest.TestCase):
    def assert_same(self, got: float, want: str, what: object) -> None:
        number = float.fromhex(want)
        if math.isnan(number):
            self.assertTrue(math.isnan(got), what)
        else:
            self.assertEqual(bits(got), bits(number), f"{what}: got {got!r}, want {number!r}")

    def test_numbers(self) -> None:
        for n in golden("numbers"):
            x = float.fromhex(n["X"])
            for name, f in (("Exp", portable.exp), ("Log", portable.log), ("Log1p", portable.log1p), ("Sigmoid", portable.sigmoid), ("Expm1", portable.expm1)):
                self.assert_same(f(x), n[name], f"{name}({x!r})")

    def test_hashes(self) -> None:
        for n, want in enumerate(golden("hashes")):
            self.assertEqual(f"{xxh64(bytes(range(n))):016x}", want, n)

    def test_events(self) -> None:
        for g in golden("events"):
            decoder = Decoder(Schema.parse(g["Schema"]))
            for r in g["Records"]:
                with self.subTest(schema=g["Schema"], record=base64.b64decode(r["Record"] or "")):
                    self.check_event(decoder, r)

    def check_event(self, decoder: Decoder, r: dict[str, Any]) -> None:
        record = base64.b64decode(r["Record"] or "")
        try:
            e = decoder.decode(record)
        except RejectionError as err:
            self.assertEqual(err.reason, r["Reason"])
            return
        self.assertEqual(r["Reason"], "")
        for name, features in (("Dense", e.dense), ("Sparse", e.sparse)):
            got = [(f"{f.hash:016x}", f.value.hex(), f.field) for f in features]
            want = [(f["Hash"], float.fromhex(f["Value"]).hex(), f["Field"]) for f in r[name]]
            self.assertEqual(got, want, name)
        categories = [[f"{c.hash:016x}", str(c.field), f"{c.mean:016x}", f"{c.count:016x}"] for c in e.categories]
        self.assertEqual(categories, r["Categories"] or [])
        got = [[(f"{f.hash:016x}", f.value.hex(), f.field) for f in a] for a in e.actions]
        self.assertEqual(got, [[(f["Hash"], float.fromhex(f["Value"]).hex(), f["Field"]) for f in a] for a in r.get("Actions", [])])
        self.assertEqual(e.eligible, r.get("Eligible", []))
        self.assertEqual(e.key, base64.b64decode(r["Key"] or ""))
        self.assertEqual(e.id, base64.b64decode(r["ID"] or ""))
        self.assertEqual(e.time, r["Time"])

    def check_models(self, name: str) -> None:
        g = golden(name)
        decoder = Decoder(Schema.parse(g["Schema"]))
        events = [decoder.decode(e) for e in g["Events"]]
        self.assertGreater(len(g["Models"]), 0)
        for m in g["Models"]:
            model = open_model([read(m["Model"])] + ([read(m["Change"])] if m["Change"] else []))
            for i, e in enumerate(events):
                what = f"{m['Model']} + {m['Change']}: event {i}"
                score = model.score(e)
                self.assert_same(score.prediction, m["Scores"][i], what)
                if m["Decisions"] and score.decision is not None:
                    self.assertEqual(score.decision, m["Decisions"][i], what)
                if m["Probabilities"]:
                    self.assertEqual(len(score.probabilities), len(m["Probabilities"][i]), what)
                    for p, want in zip(score.probabilities, m["Probabilities"][i]):
                        self.assert_same(p, want, what)

    def test_linear(self) -> None:
        self.check_models("linear")

    def test_factor(self) -> None:
        self.check_models("factor")

    def test_encoded(self) -> None:
        self.check_models("encoded")

    def test_decisions(self) -> None:
        for g in golden("decisions"):
            bandit = open_model([read(g["Model"])])
            assert isinstance(bandit, Bandit)
            decoder = Decoder(Schema.parse(g["Schema"]))
            for c in g["Cases"]:
                with self.subTest(model=g["Model"], case=c):
                    self.check_decision(bandit, decoder, g["Mode"], c)

    def check_decision(self, bandit: Bandit, decoder: Decoder, mode: str, c: dict[str, Any]) -> None:
        actions = c.get("Actions")
        r = Request(c["ID"], c["Context"], actions, c.get("Eligible"), c.get("Unit", ""), c.get("Key", ""), c.get("Baseline", ""), c["Time"])
        try:
            record = decision.begin(r, decoder.schema)
            event, key = decision.read(r, record, decoder)
            value = None
            if bandit.continuous:
                value, arm, p, pmf = decision.decide_value(bandit, event, r, mode)
            else:
                arm, p, pmf = decision.decide(bandit, event, r, mode)
        except RejectionError as err:
            self.assertEqual(err.reason, c["Error"])
            return
        except (NoArmError, SchemaError) as err:
            self.assertEqual(type(err).__name__, c["Error"])
            return
        tail = decision.tail(decoder.schema, r, bandit.arms[arm] if value is None else value, p, pmf, "shop", Version(3, 0, 0, "learning", False), mode)
        self.assertEqual(record + tail + "}", c["Record"])
        self.assertEqual(key.decode(), c["PartitionKey"])

    def test_bandits(self) -> None:
        testdata = HERE.parents[2] / "pkg" / "bandit" / "testdata"
        for c in json.loads((testdata / "choices.json.golden").read_text()):
            with self.subTest(model=c["model"], decision=c["id"]):
                bandit = Bandit((testdata / c["model"]).read_bytes())
                event = Event(features(c["numeric"]), features(c["sparse"]), id=c["id"].encode())
                p = bandit.distribution(event, c["eligible"], [features(a) for a in c["actions"]])
                self.assertEqual(p, c["pmf"])
                u = bandit.uniform(event.id)
                self.assertEqual(u, c["u"])
                if bandit.continuous:
                    value, arm, density = bandit.value(event)
                    self.assertEqual((value, bandit.arms[arm], density), (c["value"], c["arm"], c["density"]))
                    continue
                self.assertEqual(bandit.arms[choose(p, u)], c["arm"])


if __name__ == "__main__":
    unittest.main()
