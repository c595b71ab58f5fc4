"""Elementary functions with the same bits as those of the learner.

The steps are those of docs/format/numbers.md. Python's own math.exp and
math.log depend on the C library, and differ from them in the last bit.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal, localcontext

_LN2_HI, _LN2_LO = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2E = 1.44269504088896338700e+00
_SIZE = 128


def _tables() -> tuple[list[int], list[float], list[tuple[float, float, float]]]:
    """Compute the tables: 2^(i/128) and log(1+j/128), with what the nearest floats lack."""
    heads, tails, logs = [], [], []
    with localcontext() as ctx:
        ctx.prec = 100
        for i in range(_SIZE):
            exact = Decimal(2) ** (Decimal(i) / _SIZE)
            head = float(exact)
            heads.append(struct.unpack("<Q", struct.pack("<d", head))[0])
            tails.append(float((exact - Decimal(head)) / Decimal(head)))
        for j in range(_SIZE + 1):
            exact = (1 + Decimal(j) / _SIZE).ln()
            hi = float(exact)
            logs.append((hi, float(exact - Decimal(hi)), float(1 / (1 + Decimal(j) / _SIZE))))
    return heads, tails, logs


_EXP_HEADS, _EXP_TAILS, _LOGS = _tables()


def exp(x: float) -> float:
    """Return e**x: 2^(k/128) from a table times a polynomial of the rest (Tang 1989)."""
    if not -708 < x < 709:
        return _exp_edge(x)
    k = round(x * 184.6649652337873)  # to even, as by adding 1.5 * 2^52
    r = (x - k * 0.0054152123475432745) - k * 5.812982117197185e-13
    i = k & (_SIZE - 1)
    q = _EXP_TAILS[i] + (r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120)))))
    s = struct.unpack("<d", struct.pack("<Q", _EXP_HEADS[i] + ((k >> 7) << 52)))[0]
    return s + s * q


def _exp_edge(x: float) -> float:
    """exp where the result is subnormal, 0, infinite or NaN, or nearly so (FreeBSD e_exp.c)."""
    if x != x:
        return x
    if x > 7.09782712893383973096e+02:
        return math.inf
    if x < -7.45133219101941108420e+02:
        return 0.0
    k = int(_LOG2E * x + math.copysign(0.5, x))
    hi, lo = x - k * _LN2_HI, k * _LN2_LO
    r = hi - lo
    t = r * r
    c = r - t * (1.66666666666666657415e-01 + t * (-2.77777777770155933842e-03 + t * (
        6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))))
    y = 1 - ((lo - r * c / (2 - c)) - hi)
    return math.ldexp(y, k)


def log(x: float) -> float:
    """Return the natural logarithm of x (FreeBSD e_log.c)."""
    if x != x or x == math.inf:
        return x
    if x < 0:
        return math.nan
    if x == 0:
        return -math.inf
    f1, k = math.frexp(x)
    if f1 < 0.7071067811865476:
        f1 *= 2
        k -= 1
    f = f1 - 1
    s = f / (2 + f)
    s2 = s * s
    s4 = s2 * s2
    t1 = s2 * (6.666666666666735130e-01 + s4 * (2.857142874366239149e-01 + s4 * (
        1.818357216161805012e-01 + s4 * 1.479819860511658591e-01)))
    t2 = s4 * (3.999999999940941908e-01 + s4 * (2.222219843214978396e-01 + s4 * 1.531383769920937332e-01))
    r = t1 + t2
    half = 0.5 * (f * f)
    return k * _LN2_HI - ((half - (s * (half + r) + k * _LN2_LO)) - f)


def log1p(x: float) -> float:
    """Return log(1+x), accurate near zero."""
    if 0 <= x <= 1:
        j = int(x * _SIZE + 0.5)
        hi, lo, inverse = _LOGS[j]
        r = (x - j / _SIZE) * inverse
        q = -0.5 + r * (1 / 3 + r * (-1 / 4 + r * (1 / 5 + r * (-1 / 6 + r * (1 / 7)))))
        return hi + (r + (lo + r * r * q))
    u = 1 + x
    if u == 1 or u == math.inf:
        return x
    return log(u) * x / (u - 1)


def expm1(x: float) -> float:
    """Return exp(x)-1, accurate near zero."""
    u = exp(x)
    if u == 1:
        return x
    if u - 1 == -1 or u == math.inf:
        return u - 1
    return (u - 1) * x / log(u)


def signed_log1p(x: float) -> float:
    """Return sign(x) log(1+|x|)."""
    return -log1p(-x) if x < 0 else log1p(x)


def sigmoid(x: float) -> float:
    """Return 1/(1+exp(-x)) without overflow."""
    if x >= 0:
        return 1 / (1 + exp(-x))
    e = exp(x)
    return e / (1 + e)


def sin_cos(t: int, period: int) -> tuple[float, float]:
    """Return sine and cosine of 2 pi t/period, 0 <= t < period, for a period that 8 divides."""
    eighth = period // 8
    octant, rest = divmod(t, eighth)
    if octant & 1:  # mirrored at the next multiple of pi/4
        rest = eighth - rest
    x = 6.28318530717958647692 * (rest / period)
    s, c = _kernel_sin(x), _kernel_cos(x)
    return ((s, c), (c, s), (c, -s), (s, -c), (-s, -c), (-c, -s), (-c, s), (-s, c))[octant]


def _kernel_sin(x: float) -> float:
    """The sine up to pi/4 (FreeBSD k_sin.c)."""
    z = x * x
    r = 8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * (
        2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))
    return x + z * x * (-1.66666666666666324348e-01 + z * r)


def _kernel_cos(x: float) -> float:
    """The cosine up to pi/4 (FreeBSD k_cos.c)."""
    z = x * x
    r = z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * (
        2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 + z * (
            2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))))
    half = 0.5 * z
    w = 1 - half
    return w + (((1 - w) - half) + z * r)
