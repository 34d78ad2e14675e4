"""One slice, scored: every role on every metric, with intervals, and the pairs of roles compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.bootstrap import Interval, interval, resample
from eval.compare import Comparison, compare
from eval.config import BootstrapConfig
from eval.items import Slice
from eval.metrics import METRICS, measure
from eval.tally import Tally

# What is compared, the second with the first, where both roles answered.
PAIRS = (
    ("base", "tuned"),
    ("majority", "tuned"),
    ("linear", "tuned"),
    ("copy_nearest", "tuned"),
    ("baseline", "prediction"),
)


@dataclass(kw_only=True, slots=True)
class Scored:
    """The scores of one slice.

    answers      role -> answers, in the order of the slice's items
    tallies      role -> metric -> Tally
    intervals    role -> metric -> Interval
    comparisons  (first role, second role) -> metric -> Comparison
    seen         items whose prompt was also a training prompt; None where training is not known
    notes        role -> a line an item about its answer (the record that was copied)
    cut          role -> answers that ended at generation.max_new_tokens, for roles that were generated here
    classes      the labels, where the answers are labels of a classifier's run
    """

    slice: Slice
    answers: dict[str, list[str]]
    tallies: dict[str, dict[str, Tally]]
    intervals: dict[str, dict[str, Interval]]
    comparisons: dict[tuple[str, str], dict[str, Comparison]]
    seen: list[str] | None = None
    notes: dict[str, list[str]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)

    @property
    def roles(self) -> list[str]:
        """The roles that answered, in order."""
        return list(self.answers)

    @property
    def pair(self) -> tuple[str, str] | None:
        """The pair that the evaluation is about; None where only one role answered."""
        return next(iter(self.comparisons), None)


def score(
    items: Slice,
    answers: Mapping[str, Sequence[str]],
    metrics: Sequence[str],
    config: BootstrapConfig,
    *,
    of_models: Mapping[str, Mapping[str, Tally]] | None = None,
    seen: list[str] | None = None,
    notes: Mapping[str, list[str]] | None = None,
    cut: Mapping[str, int] | None = None,
    classes: Sequence[str] = (),
) -> Scored:
    """Score `answers` (role -> answers). `of_models` adds tallies that only the model can give (perplexity)."""
    tallies = {role: measure(metrics, texts, items.references) for role, texts in answers.items()}
    for role, more in (of_models or {}).items():
        tallies[role] |= more
    drawn = {
        role: {metric: interval(scores, config.level) for metric, scores in resample(found, config).items()}
        for role, found in tallies.items()
    }
    downwards = [name for name, metric in METRICS.items() if not metric.higher_is_better]
    comparisons = {
        (first, second): compare(tallies[first], tallies[second], config, lower_is_better=downwards)
        for first, second in PAIRS
        if first in tallies and second in tallies
    }
    return Scored(
        slice=items,
        answers={role: list(texts) for role, texts in answers.items()},
        tallies=tallies,
        intervals=drawn,
        comparisons=comparisons,
        seen=seen,
        notes=dict(notes or {}),
        cut=dict(cut or {}),
        classes=list(classes),
    )


def in_order(metrics: Sequence[str], found: Mapping[str, Tally]) -> list[str]:
    """The metrics of `found` in the order they were asked for."""
    return [name for name in metrics if name in found]
