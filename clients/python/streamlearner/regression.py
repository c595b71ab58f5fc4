"""The regressions of bandits: docs/format/bandit.md, state."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .errors import CorruptError
from .posterior import dot
from .wire import Reader

Pairs = Sequence[tuple[int, float]]  # coordinates and values


def scatter(pairs: Pairs, size: int) -> list[float]:
    """Return the dense form of a vector."""
    x = [0.0] * size
    for i, v in pairs:
        x[i] += v
    return x


class Full:
    """A ridge or logistic regression by the factors of its matrix A = L D L'."""

    def __init__(self, r: Reader, size: int, logistic: bool, lam: float) -> None:
        n = r.uvarint()
        if n > size:
            raise CorruptError(f"a regression with {n} features of {size}")
        self.n, self._lam, self._size = n, lam, size
        below = r.finites(n * (n - 1) // 2)
        self._columns, at = [], 0
        for j in range(n):
            self._columns.append(below[at:at + n - 1 - j])
            at += n - 1 - j
        self._d = r.finites(n)
        if not all(d > 0 for d in self._d):
            raise CorruptError("a matrix that is not positive definite")
        theta = list(r.finites(n))
        if not logistic:
            for j in range(n - 1, -1, -1):
                theta[j] -= dot(self._columns[j], theta[j + 1:])
        self.theta = theta

    def predict(self, pairs: Pairs) -> float:
        return dot(self.theta, scatter(pairs, self._size))

    def _forward(self, x: list[float]) -> None:
        for j, column in enumerate(self._columns):
            p = x[j]
            if p:
                for i, v in enumerate(column, start=j + 1):
                    x[i] -= p * v

    def variance(self, pairs: Pairs) -> float:
        """Return x'A^-1 x."""
        x, s, t = scatter(pairs, self._size), 0.0, 0.0
        self._forward(x)
        for v, d in zip(x, self._d):
            s += v * v / d
        for v in x[self.n:]:
            t += v * v
        return s + t / self._lam

    def whiten(self, pairs: Pairs) -> list[float]:
        """Return the vector whose squared norm is x'A^-1 x."""
        x = scatter(pairs, self._size)
        self._forward(x)
        root = math.sqrt(self._lam)
        return [v / math.sqrt(d) for v, d in zip(x, self._d)] + [v / root for v in x[self.n:]]


class Diagonal:
    """A regression that keeps the diagonal of its matrix alone."""

    def __init__(self, r: Reader, size: int, lam: float) -> None:
        n = r.count(16)
        if n > size:
            raise CorruptError(f"a regression with {n} features of {size}")
        self._lam, self._size = lam, size
        numbers = r.finites(2 * n)
        self._q, self.theta = numbers[::2], numbers[1::2]
        if not all(q > 0 for q in self._q):
            raise CorruptError("a precision that is not positive")

    def predict(self, pairs: Pairs) -> float:
        return predict_sparse(self.theta, pairs)

    def _precision(self, i: int) -> float:
        return self._q[i] if i < len(self._q) else self._lam

    def variance(self, pairs: Pairs) -> float:
        """Return x'A^-1 x."""
        s = 0.0
        for i, v in pairs:
            s += v * v / self._precision(i)
        return s

    def whiten(self, pairs: Pairs) -> list[float]:
        """Return the vector whose squared norm is x'A^-1 x."""
        return [v / math.sqrt(self._precision(i)) for i, v in enumerate(scatter(pairs, self._size))]


def predict_sparse(theta: Sequence[float], pairs: Pairs) -> float:
    """Return x'theta; a coordinate beyond theta has the weight 0."""
    s = 0.0
    for i, v in pairs:
        if i < len(theta):
            s += theta[i] * v
    return s
