"""What was answered to questions that decide nothing: how often each label, the mean rating, the mean rank."""

from __future__ import annotations

from collections import Counter
from typing import Any

from curation.desk.questions import restored
from curation.desk.reliability import units_of
from curation.desk.settings import OF_EVALUATION, Kind, QuestionConfig, Use
from data.annotations import DeskDataset
from data.facts import Fact
from data.intervals import wilson
from data.store import Store

LEVEL = 0.95


def count_facts(store: Store, dataset: DeskDataset) -> list[Fact]:
    """Facts `desk_answers`, one a label (or a question, for ratings); none for an evaluation, see `preference`.

    The value is the share of the answers that name the label, the mean rating, or the mean rank (1 is first). `says`
    of the first fact of a question tells of all its labels.
    """
    if dataset.questions.get("selected") in OF_EVALUATION:
        return []
    facts: list[Fact] = []
    for name, question in restored(dataset.questions).ask.items():
        if question.use is Use.none and question.kind is not Kind.text:
            units = units_of(store, dataset.dataset, name, question.kind)
            values = [value for unit in units.values() for value in unit.values()]
            if values:
                facts += _counted(dataset, name, question, values)
    return facts


def _counted(dataset: DeskDataset, name: str, question: QuestionConfig, values: list[Any]) -> list[Fact]:
    n = len(values)
    if question.kind is Kind.rating:
        mean = sum(values) / n
        says = f"{name}: {mean:.2f} on average, {n:,} answers."
        found = [_fact(dataset, f"question={name}", mean, "points", n)]
    elif question.kind is Kind.ranking:
        ranks = {one: sum(_rank(value, one) for value in values) / n for one in question.labels}
        order = sorted(ranks, key=lambda one: (ranks[one], one))
        told = ", ".join(f"{one} {ranks[one]:.2f}" for one in order)
        says = f"{name}, mean rank: {told}; {n:,} answers."
        found = [_fact(dataset, f"question={name}|{one}", ranks[one], "rank", n) for one in order]
    else:
        counts = Counter(one for value in values for one in _labels(value))
        order = sorted(question.labels, key=lambda one: (-counts[one], one))
        told = ", ".join(f"{one} {counts[one]:,}" for one in order if counts[one])
        says = f"{name}: {told or 'nothing'}; {n:,} answers."
        found = []
        for one in order:
            low, high = wilson(counts[one], n)
            fact = _fact(dataset, f"question={name}|{one}", counts[one] / n, "fraction", n)
            fact.low, fact.high, fact.level, fact.method = low, high, LEVEL, "Wilson over answers"
            found.append(fact)
    found[0].detail["says"] = says
    return found


def _labels(value: Any) -> set[str]:
    """The labels that an answer names, each once: of a choice, of several, of marks."""
    parts = value if isinstance(value, list) else [value]
    return {one["label"] if isinstance(one, dict) else one for one in parts}


def _rank(value: list[dict[str, Any]], label: str) -> int:
    return next(int(one["rank"]) for one in value if one["value"] == label)


def _fact(dataset: DeskDataset, slice_: str, value: float, unit: str, n: int) -> Fact:
    return Fact(
        subject=dataset.version, subject_kind="version", name="desk_answers", value=value, unit=unit,
        slice=f"dataset={dataset.dataset}|{slice_}", n=n,
        evidence=f"python -m curation.desk pull dataset={dataset.dataset} apply=false",
    )  # fmt: skip
