"""What the golden files do not say: damaged bytes, manifests, partitions and URLs."""

from __future__ import annotations

import pathlib
import random
import unittest

from streamlearner import Address, Bandit, CorruptError, Model, RedisError, Schema, SchemaError, decision, open_model, partition_of
from streamlearner.manifest import Part, missing, parse
from streamlearner.store import Pointer

ROOT = pathlib.Path(__file__).parents[3]


class Damage(unittest.TestCase):
    def test_every_flipped_bit_is_found(self) -> None:
        data = (ROOT / "pkg/sgd/testdata/auto_logistic.model.golden").read_bytes()
        r = random.Random(1)
        for _ in range(50):
            damaged = bytearray(data)
            damaged[r.randrange(len(data))] ^= 1 << r.randrange(8)
            with self.assertRaises(CorruptError):
                open_model([bytes(damaged)])

    def test_bytes_that_lie_are_refused_or_read(self) -> None:
        r = random.Random(2)
        files = [*ROOT.glob("pkg/*/testdata/*.model.golden"), *ROOT.glob("clients/python/tests/golden/*.model")]
        self.assertGreater(len(files), 50)
        for file in sorted(files):
            data = file.read_bytes()
            for _ in range(20):
                damaged = bytearray(data)
                damaged[r.randrange(4, min(len(data), 400))] = r.choice((0, 1, 127, 128, 255))
                try:
                    open_model([bytes(damaged)], verified=True)
                except CorruptError:
                    pass

    def test_truncated(self) -> None:
        data = (ROOT / "pkg/bandit/testdata/linucb.model.golden").read_bytes()
        for n in range(len(data)):
            with self.assertRaises(CorruptError):
                open_model([data[:n]], verified=True)
        self.assertIsInstance(open_model([data]), Bandit)


class Manifests(unittest.TestCase):
    def test_golden(self) -> None:
        parts = parse((ROOT / "pkg/state/testdata/manifest.golden").read_bytes())
        self.assertGreaterEqual(len(parts), 2)
        self.assertEqual(parts[0].merged, ())
        self.assertTrue(all(len(p.sum) == 64 for p in parts))

    def test_missing(self) -> None:
        parts = [Part("base", ()), Part("m", ("c1", "c2", "c3")), Part("c4", ())]
        for have, want in (([], None), (["base"], 1), (["base", "c1"], 1), (["base", "c1", "c2", "c3"], 2), (["base", "m"], 2),
                           (["base", "m", "c4"], 3), (["base", "c1", "c2", "c3", "c4"], 3), (["base", "c2"], None),
                           (["base", "m", "c4", "c5"], None), (["other", "m"], None)):
            self.assertEqual(missing(parts, have), want, have)


class Settings(unittest.TestCase):
    def test_partition(self) -> None:
        # The values of Kafka's own test, UtilsTest.testMurmur2.
        for key, want in ((b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
                          (b"a-little-bit-longer-string", -1486304829), (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
                          (b"abc", 479470107)):
            self.assertEqual(partition_of(key, 1000), (want & 0x7FFFFFFF) % 1000)

    def test_address(self) -> None:
        a = Address.parse("redis://user:p%40ss@host:7000/2")
        self.assertEqual((a.hosts, a.username, a.password, a.db, a.tls), ((("host", 7000),), "user", "p@ss", 2, None))
        self.assertEqual(Address.parse("redis://:secret@[::1]").hosts, (("::1", 6379),))
        self.assertEqual(Address.parse("localhost").hosts, (("localhost", 6379),))
        self.assertIsNotNone(Address.parse("rediss://host").tls)
        a = Address.parse("redis+sentinel://a,b:1/mymaster/3")
        self.assertEqual((a.hosts, a.master, a.db), ((("a", 26379), ("b", 1)), "mymaster", 3))
        for url in ("http://x", "redis://host:x", "redis+sentinel://host", "redis://host/x"):
            with self.assertRaises(RedisError):
                Address.parse(url)

    def test_schema_of_a_newer_version(self) -> None:
        with self.assertRaisesRegex(SchemaError, "magic"):
            Schema.parse({"format": "json", "magic": True})
        with self.assertRaisesRegex(SchemaError, "csv"):
            Schema.parse({"format": "csv"})

    def test_mode(self) -> None:
        for own, told, want in (("online", "online", "online"), ("online", "shadow", "shadow"), ("shadow", "online", "shadow"),
                                ("shadow", "baseline", "baseline"), ("baseline", "online", "baseline"), ("online", "later", "baseline")):
            self.assertEqual(decision.cautious(own, told), want)
        with self.assertRaisesRegex(ValueError, "mode 'off'"):
            Model(Address.parse("redis://localhost"), "shop", mode="off")

    def test_pointer(self) -> None:
        p = Pointer.parse(b'{"n":3,"sha256":"ab","mode":"frozen","created":5,"config":"c","schema":{"format":"json","label":"y"}}')
        self.assertEqual((p.n, p.sha256, p.mode, p.created), (3, "ab", "frozen", 5))
        self.assertEqual(Schema.parse(p.schema).label, "y")


if __name__ == "__main__":
    unittest.main()
