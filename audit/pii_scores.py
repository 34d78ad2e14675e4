"""How well found spans match labelled ones: counts first, shares and intervals from the counts.

A label counts as found where a finding overlaps it; as found under its type where one of the same kind does
(`pii_names`). Precision is the share of findings that overlap a label. Findings of kinds that the file never labels
count where they overlap a label and are left out where they do not. Characters are letters and digits: spaces and
signs leak nothing.

    F2 = 5 P R / (4 P + R)   (van Rijsbergen 1979, ch. 7, with beta = 2: a miss weighs more than an alarm)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from audit.pii_names import kind_of

BETA_SQUARED = 4.0


class Label(NamedTuple):
    """A labelled stretch [start, end) of a text, in characters; `slices` are (name, value): ("origin", "hr_HR")."""

    type: str
    start: int
    end: int
    slices: tuple[tuple[str, str], ...] = ()


class Span(Protocol):
    """What a detector finds."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102


class Characters(NamedTuple):
    """Of one text: characters labelled and found, labelled, found."""

    both: int
    labelled: int
    found: int


@dataclass(slots=True)
class Scores:
    """Counts over texts.

    labels, hit, typed   labels by kind: all, found, found under their type
    said, right          findings by kind: all, those that overlap a label (of any kind)
    right_typed          findings by kind that overlap a label of their kind
    sliced               (slice, value) -> [labels, found, found under their type], of labels with slices
    characters           one entry a text
    unlabelled           findings left out, by kind
    """

    labels: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    typed: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    right_typed: Counter[str] = field(default_factory=Counter)
    sliced: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    characters: list[Characters] = field(default_factory=list)
    unlabelled: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float | None:
        """Share of labels that were found, of any type; None where there are none."""
        return share(self.hit.total(), self.labels.total())

    @property
    def typed_recall(self) -> float | None:
        """Share of labels that were found under their type."""
        return share(self.typed.total(), self.labels.total())

    @property
    def precision(self) -> float | None:
        """Share of findings that overlap a label."""
        return share(self.right.total(), self.said.total())

    @property
    def f2(self) -> float | None:
        """F2 of characters over all texts."""
        both, labelled, found = map(sum, zip(*self.characters, strict=True)) if self.characters else (0, 0, 0)
        return f_beta(both, labelled, found)

    def f2_interval(self, *, seed: int = 0, draws: int = 1_000, level: float = 0.95) -> tuple[float, float]:
        """Percentile bootstrap of F2, texts drawn with replacement (Efron & Tibshirani 1993, ch. 13)."""
        if not self.characters:
            return 0.0, 1.0
        counts = np.array(self.characters, dtype=np.int64)
        kinds, times = np.unique(counts, axis=0, return_counts=True)
        drawn = np.random.default_rng(seed).multinomial(len(counts), times / times.sum(), size=draws) @ kinds
        values = [f_beta(*map(int, row)) or 0.0 for row in drawn]
        low, high = np.quantile(values, [(1 - level) / 2, 1 - (1 - level) / 2])
        return float(low), float(high)


def score(
    texts: Sequence[str],
    truth: Sequence[Sequence[Label]],
    found: Sequence[Iterable[Span]],
    *,
    kinds: Mapping[str, str] | None = None,
) -> Scores:
    """Counts of `found` against `truth`, text by text; `kinds` (label -> kind) goes before the table of names."""

    def kind(label: str) -> str:
        return (kinds or {}).get(label) or kind_of(label)

    scores = Scores()
    labelled_kinds = {kind(label.type) for own in truth for label in own}
    for text, labels, findings in zip(texts, truth, found, strict=True):
        spans = []
        for finding in findings:
            name = kind(finding.type)
            if name in labelled_kinds or any(
                finding.start < own.end and own.start < finding.end for own in labels
            ):
                spans.append((name, finding.start, finding.end))
            else:
                scores.unlabelled[name] += 1
        for label in labels:
            name = kind(label.type)
            over = [span[0] for span in spans if span[1] < label.end and label.start < span[2]]
            values = (1, int(bool(over)), int(name in over))
            for counter, value in zip((scores.labels, scores.hit, scores.typed), values, strict=True):
                counter[name] += value
            for part in label.slices:
                scores.sliced[part] = [a + b for a, b in zip(scores.sliced[part], values, strict=True)]
        for name, start, end in spans:
            over = [kind(label.type) for label in labels if start < label.end and label.start < end]
            scores.said[name] += 1
            scores.right[name] += bool(over)
            scores.right_typed[name] += name in over
        scores.characters.append(
            _characters(text, [(own.start, own.end) for own in labels], [s[1:] for s in spans])
        )
    return scores


def _characters(text: str, labels: Iterable[tuple[int, int]], spans: Iterable[tuple[int, int]]) -> Characters:
    mask = np.zeros((2, len(text)), dtype=bool)
    for row, stretches in enumerate((labels, spans)):
        for start, end in stretches:
            mask[row, start:end] = True
    mask &= np.fromiter(map(str.isalnum, text), dtype=bool, count=len(text))
    return Characters(int((mask[0] & mask[1]).sum()), int(mask[0].sum()), int(mask[1].sum()))


def f_beta(both: int, labelled: int, found: int) -> float | None:
    """F2 from counts; None where nothing is labelled and nothing found."""
    return share((1 + BETA_SQUARED) * both, BETA_SQUARED * labelled + found)


def share(part: float, whole: float) -> float | None:
    """part / whole; None where there is no whole."""
    return part / whole if whole else None
