"""Keeps the newest versions of a model in memory and scores with them."""

from __future__ import annotations

import contextlib
import math
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import decision, manifest, store
from .bandit import Bandit
from .decision import Decision, Request, Version
from .continuous import Interval
from .errors import KindError, NoArmError, NoKeyError, NoModelError, RedisError, RejectionError, SchemaError, StreamlearnerError
from .event import Decoder, Event
from .model import open_model
from .partition import partition_of
from .redis import Address, Connection
from .schema import Schema
from .score import Score, Scorer
from .wire import MANIFEST, kind_of

Record = Mapping[str, Any] | str | bytes
Actions = Sequence[Mapping[str, Any] | None] | str | bytes | None


@dataclass(frozen=True)
class Answer(Score):
    """A score, and which version gave it."""

    version: Version = Version(0, 0, 0, "", False)


@dataclass(frozen=True)
class _Served:
    """A version in memory."""

    pointer: store.Pointer
    scorer: Scorer | Bandit
    parts: tuple[str, ...]
    decoder: Decoder | None


class Model:
    """The published versions of a model, one for each partition.

    Threads may share a Model. A version is replaced as a whole, so that every
    score comes from one version. While Redis does not answer, the versions at
    hand go on being served; Answer tells their age.
    """

    def __init__(self, address: Address, name: str, partitions: int = 0, mode: str = decision.ONLINE) -> None:
        """See load, which reads the versions as well."""
        if mode not in decision.MODES:
            raise ValueError(f"mode {mode!r}: must be one of {', '.join(decision.MODES)}")
        self.name, self._mode = name, mode
        self._address, self._partitions = address, partitions
        self._served: dict[int, _Served] = {}
        self._count = partitions
        self._lock = threading.Lock()  # of the connection and of refresh
        self._connection: Connection | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener: Connection | None = None

    @classmethod
    def load(cls, url: str, name: str, partitions: int = 0, tls: ssl.SSLContext | None = None, mode: str = decision.ONLINE) -> Model:
        """Read the newest versions of a model.

        url is that of Redis, see Address.parse. partitions is how many the topic
        has; 0 takes the highest one that has a state, plus one, which is right
        once each partition of the topic has been learned from. mode is how the decisions of
        a bandit are made, unless an operator trusts it less: online, shadow or baseline.
        """
        model = cls(Address.parse(url, tls), name, partitions, mode)
        model.refresh()
        return model

    def refresh(self) -> None:
        """Ask Redis once for newer versions. What fails keeps the version at hand."""
        with self._lock:
            try:
                self._refresh()
            except RedisError:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                raise

    def _refresh(self) -> None:
        if self._connection is None:
            self._connection = Connection(self._address)
        c = self._connection
        known = store.partitions(c, self.name)
        count = self._partitions or (known[-1] + 1 if known else 0)
        errors: list[StreamlearnerError] = []
        served = dict(self._served)
        for p in known:
            if p >= count:
                errors.append(NoModelError(f"partition {p} of model {self.name} has a state, but the topic is said to have {count} partitions"))
                continue
            try:
                fresh = self._fetch(c, p, served)
            except RedisError:
                raise
            except StreamlearnerError as err:
                errors.append(err)
                continue
            if fresh is not None:
                served[p] = fresh
        self._served, self._count = served, count
        if errors:
            raise errors[0]

    def _fetch(self, c: Connection, p: int, served: dict[int, _Served]) -> _Served | None:
        """Return what is published for a partition; what is in served when there is nothing newer."""
        for _ in range(3):
            pointer, have = store.current(c, self.name, p), served.get(p)
            if pointer is not None and have is not None and pointer.policy != have.pointer.policy:
                # What to do with the policy is obeyed at once, whatever becomes of the version.
                have = served[p] = replace(have, pointer=replace(have.pointer, policy=pointer.policy))
            if pointer is None or have is not None and pointer == have.pointer:
                return have
            if have is not None and pointer.n < have.pointer.n and pointer.mode == have.pointer.mode == "learning":
                return have  # Redis has lost its last writes
            if have is not None and pointer.sha256 == have.pointer.sha256:
                return _Served(pointer, have.scorer, have.parts, self._decoder(pointer, have, have.scorer))
            found = self._parameters(c, p, pointer.sha256, have)
            if found is not None:
                return _Served(pointer, *found, self._decoder(pointer, have, found[0]))
        return have  # replaced again and again; the next refresh finds it

    def _parameters(self, c: Connection, p: int, digest: str, have: _Served | None) -> tuple[Scorer | Bandit, tuple[str, ...]] | None:
        """Read a model by its parts; None when one is gone."""
        data = store.blob(c, self.name, p, digest)
        if data is None:
            return None
        if kind_of(data) != MANIFEST:
            return open_model([data], verified=True), (digest,)
        parts = manifest.parse(data, verified=True)
        sums = tuple(part.sum for part in parts)
        start = manifest.missing(parts, list(have.parts)) if have is not None else None
        blobs = []
        for part in parts[start or 0:]:
            b = store.blob(c, self.name, p, part.sum)
            if b is None:
                return None
            blobs.append(b)
        if start is None or have is None:
            return open_model(blobs, verified=True), sums
        return (open_model(blobs, have.scorer, verified=True) if blobs else have.scorer), sums

    def _decoder(self, pointer: store.Pointer, have: _Served | None, scorer: Scorer | Bandit) -> Decoder | None:
        if not pointer.schema:
            return None
        schema = Schema.parse(pointer.schema)
        if isinstance(scorer, Bandit) and schema.arm:
            schema.arms = list(scorer.arms)  # the configured ones, and those that were added since
        for s in (have, *self._served.values()):
            if s is not None and s.decoder is not None and s.decoder.schema == schema:
                return s.decoder
        return Decoder(schema)

    def score(self, record: Record, partition: int | None = None) -> Answer:
        """Score an event: a JSON object as text, or what json.dumps makes one of.

        It goes to the model of the partition that its key belongs to, by the rule
        of Kafka's default partitioner, unless partition says another.
        """
        s, event, version = self._ask(record, partition)
        if isinstance(s.scorer, Bandit):
            raise KindError(f"model {self.name} is a bandit: ask it by choose")
        score = s.scorer.score(event)
        if not all(map(math.isfinite, (score.prediction, *score.probabilities))):
            raise RejectionError("non_finite", f"score {score.prediction}: the event's values are too large")
        return Answer(score.prediction, score.decision, score.probabilities, score.costs, version)

    def choose(self, decision_id: str, context: Record, actions: Actions = None, eligible: Sequence[str] | None = None, *,
               unit: str = "", key: str = "", baseline: str = "", time_ms: int | None = None) -> Decision:
        """Let the bandit decide, see decision.Request. Log the decision's json() under its key.

        The model is that of the partition of the decision's key. While nothing was
        published it raises NoModelError: decide by fallback.
        """
        r = Request(decision_id, context, actions, eligible, unit, key, baseline, time_ms)
        served, count = self._served, self._count
        decoder = self._lead(served)
        record = decision.begin(r, decoder.schema)
        event, at = decision.read(r, record, decoder)
        partition = self._partition(at, count)
        s = self._at(served, partition)
        if s.decoder is not decoder:  # partitions differ while a configuration is being rolled out
            decoder = self._decoding(s)
            record = decision.begin(r, decoder.schema)
            event, at = decision.read(r, record, decoder)
        if not isinstance(s.scorer, Bandit):
            raise KindError(f"model {self.name} is no bandit: ask it by score")
        mode = decision.cautious(self._mode, s.pointer.policy)
        value = None
        if s.scorer.continuous:
            value, arm, p, pmf = decision.decide_value(s.scorer, event, r, mode)
        else:
            arm, p, pmf = decision.decide(s.scorer, event, r, mode)
        version, name = self._version(s, partition), s.scorer.arms[arm]
        tail = decision.tail(decoder.schema, r, name if value is None else value, p, pmf, self.name, version, mode)
        return Decision(arm, name, p, pmf, mode, at, version, record, tail, bool(decoder.schema.context), value)

    def fallback(self, decision_id: str, context: Record, baseline: str, actions: Actions = None, eligible: Sequence[str] | None = None, *,
                 key: str = "", time_ms: int | None = None) -> Decision:
        """Decide for the baseline without a model, so that a service goes on while nothing is published."""
        if not baseline:
            raise NoArmError("the baseline is empty")
        r = Request(decision_id, context, actions, eligible, key=key, baseline=baseline, time_ms=time_ms)
        lead = next((s.decoder for _, s in sorted(self._served.items()) if s.decoder is not None), None)
        schema = lead.schema if lead is not None else decision.fallback_schema()
        value, p = None, 1.0
        if schema.continuous:
            low, high, bandwidth = schema.continuous
            found = Interval(low, high, bandwidth, len(schema.arms)).fixed(baseline)
            if found is None:
                raise NoArmError(f"the baseline {baseline!r} must be a number from {low} to {high}")
            value, p = found
        record, version = decision.begin(r, schema), Version(0, 0, 0, "", False)
        tail = decision.tail(schema, r, baseline if value is None else value, p, (), self.name, version, decision.BASELINE)
        return Decision(-1, baseline, p, (), decision.BASELINE, (key or decision_id).encode(), version, record, tail, bool(schema.context), value)

    def _lead(self, served: dict[int, _Served]) -> Decoder:
        """Return how events are read whose partition is not known yet."""
        lead = next((s.decoder for _, s in sorted(served.items()) if s.decoder is not None), None)
        if lead is None:
            raise self._unreadable()
        return lead

    def _ask(self, record: Record, partition: int | None) -> tuple[_Served, Event, Version]:
        """Return the version for an event, and the event as that reads it."""
        served, count = self._served, self._count
        event = lead = None
        if partition is None:
            lead = self._lead(served)
            event = lead.decode(record)
            partition = self._partition(event.key, count)
        s = self._at(served, partition)
        if event is None or s.decoder is not lead:  # partitions differ while a configuration is being rolled out
            event = self._decoding(s).decode(record)
        return s, event, self._version(s, partition)

    def _version(self, s: _Served, partition: int) -> Version:
        age = max(0.0, time.time() - s.pointer.created / 1000)
        return Version(s.pointer.n, partition, age, s.pointer.mode, 0 < s.pointer.max_age < age * 1000)

    def _partition(self, key: bytes, count: int) -> int:
        if count == 1:
            return 0
        if not key:
            raise NoKeyError(f"the topic has {count} partitions: the event must have the field that the producer takes as key, "
                             "or the call must say its partition")
        return partition_of(key, count)

    def _at(self, served: dict[int, _Served], partition: int) -> _Served:
        s = served.get(partition)
        if s is None:
            raise NoModelError(f"no published model for partition {partition} of model {self.name}")
        return s

    def _decoding(self, s: _Served) -> Decoder:
        if s.decoder is None:
            raise self._unreadable()
        return s.decoder

    def _unreadable(self) -> StreamlearnerError:
        if not self._served:
            return NoModelError(f"no published model of {self.name}")
        return SchemaError(f"model {self.name} was published without a schema of its records")

    def versions(self) -> dict[int, store.Pointer]:
        """Return the version that is served of each partition."""
        return {p: s.pointer for p, s in sorted(self._served.items())}

    def watch(self, poll: float = 1.0) -> None:
        """Refresh in the background until close: every poll seconds, and at once when Redis tells of a new version."""
        if self._threads:
            return
        hint = threading.Event()
        self._threads = [
            threading.Thread(target=self._poll, args=(poll, hint), daemon=True),
            threading.Thread(target=self._listen, args=(poll, hint), daemon=True),
        ]
        for t in self._threads:
            t.start()

    def _poll(self, poll: float, hint: threading.Event) -> None:
        while not self._stop.is_set():
            hint.wait(poll)
            hint.clear()
            if not self._stop.is_set():
                with contextlib.suppress(StreamlearnerError):  # the versions at hand tell their age
                    self.refresh()

    def _listen(self, poll: float, hint: threading.Event) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(StreamlearnerError):
                self._listener = c = Connection(self._address)
                c.call("SUBSCRIBE", store.channel(self.name))
                c.set_timeout(None)
                while not self._stop.is_set():
                    c.reply()
                    hint.set()
            hint.set()
            self._stop.wait(poll)

    def close(self) -> None:
        """End the refreshing and the connections. Scores go on with the versions at hand."""
        self._stop.set()
        if self._listener is not None:
            self._listener.close()
        for t in self._threads:
            t.join()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
