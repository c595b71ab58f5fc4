"""Turns scores of arms into probabilities: docs/format/bandit.md, probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .portable import exp, log


def greedy(scores: Sequence[float]) -> list[float]:
    """Give all to the highest score; those that tie share."""
    best = max(scores)
    share = 1 / list(scores).count(best)
    return [share if v == best else 0.0 for v in scores]


def mix_uniform(p: Sequence[float], epsilon: float) -> list[float]:
    """Deal the share epsilon of p out evenly."""
    each = epsilon / len(p)
    return [(1 - epsilon) * v + each for v in p]


def softmax(scores: Sequence[float], rate: float) -> list[float]:
    """Return probabilities in proportion to exp(rate score)."""
    top, total, out = max(scores), 0.0, []
    for v in scores:
        out.append(exp(rate * (v - top)))
        total += out[-1]
    return [v / total for v in out]


def exp3(w: Sequence[float], gamma: float) -> list[float]:
    """The probabilities of EXP3."""
    return mix_uniform(softmax(w, gamma / len(w)), gamma)


def square_cb(scores: Sequence[float], gamma: float) -> list[float]:
    """Weigh by inverse gaps; the rest goes to the first of the highest scores."""
    best = max(range(len(scores)), key=lambda i: scores[i])
    rest, out = 1.0, [0.0] * len(scores)
    for i, v in enumerate(scores):
        if i != best:
            out[i] = 1 / (len(scores) + gamma * (scores[best] - v))
            rest -= out[i]
    out[best] = rest
    return out


def regcb(z: Sequence[float], sd: Sequence[float], width: float, elimination: bool) -> list[float]:
    """Choose the highest upper ends, or evenly among all arms that may be the best."""
    lowest, high = -math.inf, []
    for m, s in zip(z, sd):
        w = width * s
        lowest = max(lowest, min(1.0, max(0.0, m - w)))
        high.append(min(1.0, max(0.0, m + w)))
    return greedy([float(h >= lowest) for h in high] if elimination else high)


def ucb1(n: float, s: float, total: float, alpha: float) -> float:
    """The index of UCB1; an arm without events comes first."""
    if n == 0:
        return math.inf
    return s / n + alpha * math.sqrt(2 * max(0.0, log(total)) / n)


def kl_ucb(n: float, s: float, total: float) -> float:
    """The index of KL-UCB: the largest m with n kl(mean, m) <= ln total, by 52 halvings."""
    if n == 0:
        return math.inf
    mean, most = min(1.0, s / n), max(0.0, log(total)) / n
    low, high = mean, 1.0
    for _ in range(52):
        m = (low + high) / 2
        if _kl(mean, m) > most:
            high = m
        else:
            low = m
    return low


def _kl(p: float, q: float) -> float:
    """The divergence of Bernoulli distributions."""
    kl = 0.0
    if p > 0:
        kl += p * log(p / q)
    if p < 1:
        kl += (1 - p) * log(math.inf if q == 1 else (1 - p) / (1 - q))
    return kl


def normalize(p: Sequence[float]) -> list[float]:
    """Make p add up to 1; if nothing is left the first has all."""
    out, total = [max(0.0, v) for v in p], 0.0
    for v in out:
        total += v
    if total == 0:
        out[0] = total = 1.0
    return [v / total for v in out]


def floor(p: Sequence[float], share: float, supported: bool) -> list[float]:
    """Return the closest probabilities of at least share/n each; supported leaves those of 0 apart."""
    arms, total = 0, 0.0
    for v in p:
        arms += v > 0 or not supported
        total += v
    if arms == 0 or share == 0:
        return list(p)
    least = (1.0 if total == 0 else share) / arms
    t, raised = 0.0, -1
    while True:
        s, n = 0.0, 0
        for v in p:
            if v - t > least:
                s += v
                n += 1
        if n == 0 or arms - n <= raised:
            break
        raised = arms - n
        t = (s - (1 - raised * least)) / n
    return [max(least, v - t) if v > 0 or not supported else v for v in p]


def choose(p: Sequence[float], u: float) -> int:
    """Return the arm that u, uniform in [0, 1), selects."""
    last, total = 0, 0.0
    for i, v in enumerate(p):
        if v <= 0:
            continue
        last = i
        total += v
        if u < total:
            break
    return last
