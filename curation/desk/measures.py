"""How far annotators agree, as pure functions of their answers.

An answer table is a list of units (items); a unit maps an annotator to an answer. A missing annotator is missing data,
which every measure here bears.

    alpha     Krippendorff's alpha, 1 - D_o / D_e (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"):
              1 is perfect, 0 what chance would give, below 0 systematic disagreement
    masi      alpha of sets with the MASI distance (Passonneau 2006): 1 - Jaccard x monotonicity
    span_f1   mean over pairs of annotators of 2 |A and B| / (|A| + |B|), spans equal in start, end and label
    kappa     Cohen's kappa of two annotators over the items that both answered (1960)

Intervals are percentile bootstraps over units: whole units are drawn, since answers to one item depend on each other.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

Unit = Mapping[str, Any]
Level = Literal["nominal", "ordinal", "interval"]
LEVEL = 0.95


class Agreement(NamedTuple):
    """A measure with its interval; `value` is None where it is not defined (nothing was answered twice).

    units    items that at least two annotators answered
    answers  answers to them
    """

    value: float | None
    low: float | None
    high: float | None
    units: int
    answers: int


def paired(units: Sequence[Unit]) -> list[Unit]:
    """The units with at least two answers: only they say something of agreement."""
    return [unit for unit in units if len(unit) > 1]


def alpha(units: Sequence[Unit], level: Level) -> float | None:
    """Krippendorff's alpha of single answers: texts (nominal) or numbers (ordinal, interval). None: undefined.

    All answers equal leaves nothing to expect by chance: alpha is undefined there, and None.
    """
    from krippendorff import alpha as computed

    values = sorted({value for unit in paired(units) for value in unit.values()})
    if len(values) < 2:
        return None
    place = {value: number for number, value in enumerate(values)}
    counts = np.zeros((len(paired(units)), len(values)), np.int64)
    for row, unit in enumerate(paired(units)):
        for value in unit.values():
            counts[row, place[value]] += 1
    domain = np.arange(len(values)) if level == "nominal" else np.asarray(values, dtype=float)
    return float(computed(value_counts=counts, value_domain=domain, level_of_measurement=level))


def masi_distance(left: frozenset[Any], right: frozenset[Any]) -> float:
    """1 - J M: J the Jaccard similarity, M 1 for equal sets, 2/3 for nested, 1/3 for overlapping, 0 for disjoint.

    Two empty sets are equal.
    """
    if left == right:
        return 0.0
    both, either = len(left & right), len(left | right)
    monotonicity = 2 / 3 if left <= right or right <= left else 1 / 3 if both else 0.0
    return 1 - both / either * monotonicity


def alpha_of(units: Sequence[Unit], distance: Callable[[Any, Any], float]) -> float | None:
    """Krippendorff's alpha with any distance over hashable answers; None where it is undefined.

    D_o: mean over units (weighted by answers) of the distance within; D_e: mean distance of all pairs of answers.
    """
    known = [list(unit.values()) for unit in paired(units)]
    total = Counter(value for values in known for value in values)
    n = sum(total.values())
    if len(total) < 2:
        return None
    apart = {(a, b): distance(a, b) for a, b in itertools.combinations(total, 2)}
    apart |= {(b, a): d for (a, b), d in apart.items()}

    def within(values: Sequence[Hashable]) -> float:
        return 2 * sum(apart.get(pair, 0.0) for pair in itertools.combinations(values, 2))

    observed = sum(within(values) / (len(values) - 1) for values in known) / n
    expected = sum(total[a] * total[b] * d for (a, b), d in apart.items()) / (n * (n - 1))
    return 1 - observed / expected if expected else None


def masi(units: Sequence[Unit]) -> float | None:
    """Alpha of sets of labels with the MASI distance; answers are collections of labels."""
    sets = [{who: frozenset(value) for who, value in unit.items()} for unit in units]
    return alpha_of(sets, masi_distance)


def span_f1(units: Sequence[Unit]) -> float | None:
    """Pooled over all pairs of annotators of a unit; answers are collections of (start, end, label).

    A pair that marked nothing at all agrees, and adds nothing to either side of the fraction. None: no span at all.
    """
    both = either = 0
    for unit in units:
        for left, right in itertools.combinations(map(frozenset, unit.values()), 2):
            both += 2 * len(left & right)
            either += len(left) + len(right)
    return both / either if either else None


def kappa(units: Sequence[Unit], left: str, right: str, *, draws: int, seed: int) -> Agreement:
    """Cohen's kappa of two annotators over the units that both answered, with an interval as in `bootstrapped`.

    It is undefined (None) where both always say one and the same. Answers are hashable.
    """
    shared = [(unit[left], unit[right]) for unit in units if left in unit and right in unit]
    place = {value: number for number, value in enumerate(dict.fromkeys(v for pair in shared for v in pair))}
    cells = np.array([place[a] * len(place) + place[b] for a, b in shared], np.int64)
    value = _kappa_of(cells, len(place))
    if value is None:
        return Agreement(None, None, None, len(shared), 2 * len(shared))
    random = np.random.default_rng(seed)
    drawn = (_kappa_of(cells[random.integers(0, len(cells), len(cells))], len(place)) for _ in range(draws))
    low, high = _interval([one for one in drawn if one is not None], draws, LEVEL)
    return Agreement(value, low, high, len(shared), 2 * len(shared))


def _kappa_of(cells: Any, size: int) -> float | None:
    """Kappa of answers that are cells of a table of `size` rows and columns, row by row.

    As scikit-learn's, which takes a millisecond for each of the thousand draws.
    """
    if not len(cells):
        return None
    table = np.bincount(cells, minlength=size * size).reshape(size, size) / len(cells)
    expected = float(table.sum(0) @ table.sum(1))
    return None if expected == 1 else (float(table.trace()) - expected) / (1 - expected)


def bootstrapped(
    units: Sequence[Unit],
    measure: Callable[[Sequence[Unit]], float | None],
    *,
    draws: int,
    seed: int,
    level: float = LEVEL,
) -> Agreement:
    """`measure` of the units that were answered twice, with a percentile interval over `draws` resamples of them.

    Resamples in which the measure is undefined are left out; the interval is None where that is more than half.
    """
    known = paired(units)
    value = measure(known)
    answers = sum(len(unit) for unit in known)
    if value is None:
        return Agreement(None, None, None, len(known), answers)
    random = np.random.default_rng(seed)
    drawn = (measure([known[i] for i in random.integers(0, len(known), len(known))]) for _ in range(draws))
    low, high = _interval([one for one in drawn if one is not None], draws, level)
    return Agreement(value, low, high, len(known), answers)


def _interval(defined: list[float], draws: int, level: float) -> tuple[float | None, float | None]:
    """The percentile interval of what was defined of so many draws; none where that is less than half."""
    if len(defined) * 2 < draws or draws == 0:
        return None, None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
