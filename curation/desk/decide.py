"""From answers to verdicts: what several people say of a record, as one verdict of the stage `desk`.

A question with a `use` decides; see `settings.Use`. `Rule` says how many have to agree. Answers that are drafts,
discarded, or of a text that was changed under them, count for nothing. Who disagrees is in the detail, by pseudonym.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from curation.desk.answers import SUBMITTED
from curation.desk.settings import QuestionsConfig, Rule, Use
from data.records import canonical_json

STAGE = "desk"
REASONS = {
    "desk_dropped": "People on the labelling desk left the record out.",
    "desk_rewritten": "People on the labelling desk wrote the answer anew.",
    "desk_masked": "People on the labelling desk marked personal data, which was replaced by typed placeholders.",
    "desk_confirmed": "People on the labelling desk looked at the record, and it stays as it is.",
    "desk_to_fix": "People on the labelling desk would change the record, but nobody wrote how.",
    "desk_relabelled": "People on the labelling desk say that the record is of another class (noted, not changed).",
    "desk_disputed": "People on the labelling desk do not agree on the record; it stays as it is.",
}


CHANGES = ("desk_dropped", "desk_rewritten", "desk_masked")


@dataclass(frozen=True, slots=True)
class Decision:
    """What people say of one record, apart from its text.

    use       of the question that decided
    text      desk_rewritten: the new answer
    spans     desk_masked: (start, end, label) in the transcript of its messages
    """

    record_id: str
    text_hash: str
    reason: str
    detail: str
    use: Use
    score: float | None = None
    value: str | None = None
    text: str | None = None
    spans: tuple[tuple[int, int, str], ...] = ()


def later(before: Decision | None, now: Decision) -> Decision:
    """Which of two decisions about a record holds, where `now` is of a younger dataset.

    The younger one, if it answers the same question; another question can add a change, but not take one back (a rating
    that leaves a record alone is no answer to whether it is to be dropped).
    """
    if before is None or before.use == now.use or now.reason in CHANGES or before.reason not in CHANGES:
        return now
    return before


@dataclass(frozen=True, slots=True)
class Terms:
    """How answers decide: see LabellingConfig."""

    rule: Rule = Rule.majority
    min_answers: int = 0
    drop_below: float = 0

    def plain(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"rule": self.rule.value, "min_answers": self.min_answers, "drop_below": self.drop_below}


Votes = Mapping[str, Mapping[str, Any]]  # annotator -> question -> value


def decide(
    questions: QuestionsConfig,
    overlap: int,
    answers: pl.DataFrame,
    terms: Terms,
    labels: Mapping[str, str | None],
) -> list[Decision]:
    """The decisions of one dataset from its answers (ANNOTATION_SCHEMA), by record_id.

    `labels` is record_id -> the class that it has, for questions about the class.
    """
    uses = {question.use: name for name, question in questions.ask.items()}
    use = next((use for use in _BY if use in uses), None)
    if use is None:
        return []
    least = min(terms.min_answers or overlap, overlap)
    counted = answers.filter((pl.col("status") == SUBMITTED) & ~pl.col("stale")).sort("item", "annotator")
    found = []
    for (record_id, text_hash), group in counted.group_by(["record_id", "text_hash"], maintain_order=True):
        votes = {row["annotator"]: json.loads(row["answers"]) for row in group.to_dicts()}
        if len(votes) >= least and (use in (Use.mask, Use.rewrite) or _values(uses[use], votes)):
            rewrite, label = uses.get(Use.rewrite, ""), labels.get(str(record_id))
            found.append(
                _BY[use](_Case(str(record_id), str(text_hash), use, uses[use], votes, terms, rewrite, label))
            )
    return sorted(found, key=lambda one: one.record_id)


def agreed(values: Sequence[Any], rule: Rule) -> Any:
    """The value that the rule lets stand, or None. `any` breaks ties by the value's own order."""
    counts = Counter(canonical_json(value) for value in values)
    best, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    enough = {Rule.majority: 2 * count > len(values), Rule.unanimous: count == len(values), Rule.any: True}
    return json.loads(best) if enough[rule] else None


@dataclass(frozen=True, slots=True)
class _Case:
    """One record with its votes; `question` is the name of the question that decides, `label` the record's class."""

    record_id: str
    text_hash: str
    use: Use
    question: str
    votes: Votes
    terms: Terms
    rewrite: str
    label: str | None

    def made(self, reason: str, detail: str, **rest: Any) -> Decision:
        return Decision(self.record_id, self.text_hash, f"desk_{reason}", detail, self.use, **rest)

    def values(self) -> dict[str, Any]:
        return _values(self.question, self.votes)

    def agreed(self, values: Mapping[str, Any]) -> Any:
        return agreed(list(values.values()), self.terms.rule)


def _fate(case: _Case) -> Decision:
    values = case.values()
    fate = case.agreed(values)
    if fate == "fix":
        fixing = {who: votes for who, votes in case.votes.items() if values.get(who) == "fix"}
        return _rewrite(case, _values(case.rewrite, fixing), said(values), "to_fix")
    return case.made({"drop": "dropped", "keep": "confirmed"}.get(fate, "disputed"), said(values))


def _rewrite(case: _Case, texts: Mapping[str, str], told: str = "", nothing: str = "confirmed") -> Decision:
    told = told or f"by {', '.join(texts)}"
    if not texts:
        return case.made(nothing, told)
    text = case.agreed(texts)
    if text is None:
        return case.made("disputed", f"{told}; {len(set(texts.values()))} different texts")
    return case.made("rewritten", told, text=text)


def _rating(case: _Case) -> Decision:
    ratings = case.values()
    mean = sum(ratings.values()) / len(ratings)
    told = f"rated {mean:.2f}: " + ", ".join(f"{value} by {who}" for who, value in ratings.items())
    return case.made("dropped" if mean < case.terms.drop_below else "confirmed", told, score=mean)


def _mask(case: _Case) -> Decision:
    """Spans that the rule lets stand, each by itself; types and counts in the detail, never the words."""
    marked = {who: votes.get(case.question) or [] for who, votes in case.votes.items()}
    counts = Counter((s["start"], s["end"], s["label"]) for spans in marked.values() for s in spans)
    least = {Rule.majority: len(marked) / 2 + 0.5, Rule.unanimous: len(marked), Rule.any: 1}[case.terms.rule]
    spans = tuple(sorted(span for span, count in counts.items() if count >= least))
    people = ", ".join(marked)
    if not spans:
        return case.made("disputed" if counts else "confirmed", f"no personal data agreed on by {people}")
    types = Counter(label for _, _, label in spans)
    told = ", ".join(f"{label} x{count}" for label, count in sorted(types.items()))
    return case.made("masked", f"{told}; by {people}", score=float(len(spans)), spans=spans)


def _label(case: _Case) -> Decision:
    values = case.values()
    label = case.agreed(values)
    if label is None:
        return case.made("disputed", said(values))
    return case.made("confirmed" if label == case.label else "relabelled", said(values), value=label)


def _texts(case: _Case) -> Decision:
    return _rewrite(case, case.values())


# The first of these uses that a question set has decides.
_BY: dict[Use, Callable[[_Case], Decision]] = {
    Use.fate: _fate,
    Use.rewrite: _texts,
    Use.rating: _rating,
    Use.mask: _mask,
    Use.label: _label,
}


def decides(asked: Sequence[Mapping[str, Any]]) -> bool:
    """Whether questions (as the store keeps them) decide about records; else their answers are only counted."""
    return any(one["use"] in _BY for one in asked)


def _values(question: str, votes: Votes) -> dict[str, Any]:
    return {who: values[question] for who, values in votes.items() if values.get(question) not in (None, "")}


def said(values: Mapping[str, Any]) -> str:
    """`drop by annotator-1, annotator-3; keep by annotator-2`, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for who, value in values.items():
        groups.setdefault(str(value), []).append(who)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return "; ".join(f"{value} by {', '.join(people)}" for value, people in ordered)
