"""Two systems on the same items: is the difference real?

Interval and p come from the paired bootstrap (Koehn 2004, "Statistical significance tests for machine
translation evaluation"): items are drawn with replacement, the same items for both systems, and both scores are
computed anew on each draw. The interval is the percentile interval of the difference. p is two-sided and
belongs to that interval: p = min(1, 2 (1 + min(#{d <= 0}, #{d >= 0})) / (1 + resamples)), so that, up to the 1
that is added, p < 1 - level exactly when the interval is clear of zero.

Metrics that are right or wrong for each item (exact match, multiple choice) take p from McNemar's exact test
instead: of the items on which the systems disagree, a fair coin would give each system half.

Several metrics on the same items are several chances to be lucky, so that p is adjusted by Holm (1979) over
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from data.errors import UserError
from eval.bootstrap import interval, resample
from eval.config import BootstrapConfig
from eval.tally import Floats, Tally

FEWEST_ITEMS = 10  # below this the bootstrap's draws are too alike to be believed
POWER = 0.8  # chance of seeing a true difference, for the number of items needed


class Conclusion(StrEnum):
    """What the comparison allows to say of the second system against the first."""

    better = "better"
    worse = "worse"
    unclear = "no clear difference"
    too_few = "too few items"


@dataclass(kw_only=True, slots=True)
class Comparison:
    """One metric, one pair of systems.

    difference   second minus first, in the metric's unit; low, high its interval at `level`
    p            two-sided; p_adjusted the same after Holm over the metrics compared together
    method       `paired bootstrap` or `McNemar exact`
    n            items
    detectable   the difference that n items show with probability POWER, at Holm's strictest step
    n_needed     items in all that would show a difference of this size with probability POWER; None if the
                 conclusion is clear already or the difference is nil
    """

    metric: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    level: float
    p: float
    p_adjusted: float
    method: str
    n: int
    conclusion: Conclusion
    detectable: float
    n_needed: int | None
    signature: str

    @property
    def more_items(self) -> int | None:
        """Items beyond n that would be needed."""
        return None if self.n_needed is None else self.n_needed - self.n

    def words(self) -> str:
        """The conclusion for people: `no clear difference (about 340 more items needed)`."""
        if self.more_items is None:
            return self.conclusion.value
        count = f"about {self.more_items:,}" if self.more_items < 100_000 else "over 100,000"
        return f"{self.conclusion.value} ({count} more items needed)"


def compare(
    first: Mapping[str, Tally],
    second: Mapping[str, Tally],
    config: BootstrapConfig,
    *,
    lower_is_better: Sequence[str] = (),
    right_or_wrong: Sequence[str] = ("exact_match", "accuracy"),
) -> dict[str, Comparison]:
    """Compare `second` with `first` on every metric that both have, on the same items in the same order.

    Raises UserError where two tallies of a metric were not made with the same settings.
    """
    names = [name for name in first if name in second]
    found: dict[str, Comparison] = {}
    for size in dict.fromkeys(len(first[name]) for name in names):
        # Metrics of the same items share their draws; tasks of other sizes have draws of their own.
        together = [name for name in names if len(first[name]) == size]
        for name in together:
            _same_settings(first[name], second[name])
        scores = resample(
            {f"{side}:{name}": of[name] for side, of in enumerate((first, second)) for name in together},
            config,
        )
        for name in together:
            drawn = scores[f"1:{name}"] - scores[f"0:{name}"]
            found[name] = _compare(
                first[name], second[name], drawn, config, exact=name in right_or_wrong, claims=len(names)
            )
    adjusted = holm([comparison.p for comparison in found.values()])
    for comparison, p in zip(found.values(), adjusted, strict=True):
        comparison.p_adjusted = p
        _conclude(comparison, sign=-1 if comparison.metric in lower_is_better else 1)
    return found


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: the k-th smallest of m p-values times (m - k + 1), monotone, at most 1."""
    adjusted = [0.0] * len(ps)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: (ps[i], i))):
        running = max(running, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = running
    return adjusted


def mcnemar(first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_]) -> float:
    """Exact two-sided p of McNemar's test (1947): a binomial test of the items that only one got right."""
    from scipy.stats import binomtest

    gained = int((~first_right & second_right).sum())
    lost = int((first_right & ~second_right).sum())
    return float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def _same_settings(first: Tally, second: Tally) -> None:
    if len(first) != len(second):
        raise UserError(
            f"{first.metric} of {len(first)} items cannot be compared with that of {len(second)} items",
            "a paired comparison wants the same items in the same order",
        )
    if first.signature != second.signature:
        raise UserError(
            f"two {first.metric} scores with different settings cannot be compared",
            f"one is   {first.signature}",
            f"other is {second.signature}",
            "measure both again with the same settings and package versions",
        )


def _compare(
    first: Tally, second: Tally, scores: Floats, config: BootstrapConfig, *, exact: bool, claims: int
) -> Comparison:
    span = interval(scores, config.level)
    below, above = int((scores <= 0).sum()), int((scores >= 0).sum())
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + config.resamples))
    if exact:
        p = mcnemar(first.items > 0.5, second.items > 0.5)
    difference = second.value - first.value
    deviation = float(np.nanstd(scores, ddof=1))
    # Holm's strictest step asks p < (1 - level) / claims: enough items for that are enough for any step.
    reach = NormalDist().inv_cdf(1 - (1 - config.level) / claims / 2) + NormalDist().inv_cdf(POWER)
    needed = len(first) * (reach * deviation / difference) ** 2 if difference and deviation else None
    return Comparison(
        metric=first.metric,
        first=first.value,
        second=second.value,
        difference=difference,
        low=span.low,
        high=span.high,
        level=config.level,
        p=p,
        p_adjusted=p,
        method="McNemar exact" if exact else "paired bootstrap",
        n=len(first),
        conclusion=Conclusion.unclear,
        detectable=reach * deviation,
        n_needed=None if needed is None else int(np.ceil(needed)),
        signature=first.signature,
    )


def _conclude(comparison: Comparison, *, sign: int) -> None:
    """Set the conclusion; the number of items needed stays only where the conclusion is open."""
    if comparison.n < FEWEST_ITEMS:
        comparison.conclusion = Conclusion.too_few
        comparison.n_needed = max(FEWEST_ITEMS, comparison.n_needed or 0)
        return
    if comparison.p_adjusted < 1 - comparison.level:
        better = comparison.difference * sign > 0
        comparison.conclusion = Conclusion.better if better else Conclusion.worse
        comparison.n_needed = None
    elif comparison.n_needed is not None:
        # The plain difference may be visible where the adjusted one is not: ask for one item more at least.
        comparison.n_needed = max(comparison.n_needed, comparison.n + 1)
