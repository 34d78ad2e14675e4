"""How many records of each value may stay: the arithmetic of caps, in whole records and exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def exact(fraction: float) -> Fraction:
    """0.1 as one tenth, which the binary number is not: caps of ten records in a hundred are ten."""
    return Fraction(str(fraction))


def cap(counts: Sequence[int], *, free: int = 0, max_rows: int = 0, max_fraction: float = 1.0) -> int:
    """The largest t such that t records of each value (or all, where it has fewer) break no cap.

    With n_v records of value v, of which n_v' = min(n_v, max_rows) may stay, f = max_fraction and `free` records that
    are not capped but count, t is the largest whole number up to max n_v' with

        t <= f * (free + sum_v min(n_v', t))

    Every value keeps min(n_v', t). The right side is concave in t and not below the left at 0, so that the good t
    are all those up to the answer, and bisection finds it. It is also where the plain iteration ends that cuts
    each value to f of what was left in the round before, and no other choice keeps more of any value: of two
    choices within the caps, the larger number for each value is within the caps too.

    0 if no record of any value can stay: f is below 1 / (number of values) and `free` does not make up for it.
    """
    capped = [min(count, max_rows) if max_rows else count for count in counts]
    share = exact(max_fraction)
    low, high = 0, max(capped, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if middle <= share * (free + sum(min(count, middle) for count in capped)):
            low = middle
        else:
            high = middle - 1
    return low


def synthetic_cap(real: int, max_fraction: float) -> int | None:
    """The most synthetic records beside `real` others: the largest s with s <= q * (s + real); None for q = 1.

    s = floor(q * real / (1 - q)).
    """
    share = exact(max_fraction)
    return None if share == 1 else int(share * real / (1 - share))
