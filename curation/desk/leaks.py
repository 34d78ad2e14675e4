"""What people say of the pii stage: how much is left after it, and how much of what is there it found."""

from __future__ import annotations

import json
from typing import Any

from curation.desk.answers import SUBMITTED
from curation.desk.settings import Select, Use
from data.annotations import DeskDataset
from data.facts import Fact
from data.intervals import wilson
from data.store import Store

LEVEL = 0.95


def leak_facts(store: Store, dataset: DeskDataset) -> list[Fact]:
    """Facts of a dataset in which people mark personal data; none for other datasets, or without answers.

    Of a sample of a scrubbed version: `desk_leaks`, the share of records with anything left. Before scrubbing:
    `desk_pii_recall` and `desk_pii_precision`, of the stage's marks (those suggested) against people's, where two
    marks meet if they overlap. A mark counts as a person's where anyone made it.
    """
    name = next((one["question"] for one in dataset.questions["ask"] if one["use"] == Use.mask), None)
    if name is None:
        return []
    people: dict[str, list[Any]] = {}
    for row in store.answers_of(dataset.dataset).to_dicts():
        if row["status"] == SUBMITTED and not row["stale"]:
            people.setdefault(row["item"], []).extend(json.loads(row["answers"]).get(name) or [])
    if not people:
        return []
    if dataset.scrubbed:
        if dataset.questions.get("selected") != Select.sample:
            return []  # what was not drawn by chance bounds nothing
        found = sum(bool(spans) for spans in people.values())
        return [
            _share(dataset, "desk_leaks", found, len(people), "records", "hold personal data after scrubbing")
        ]
    suggested = {
        row["item"]: (json.loads(row["suggestions"]).get(name) or [[]])[0]
        for row in store.desk_items(dataset.dataset).to_dicts()
    }
    marks = [(span, suggested[item]) for item, spans in people.items() for span in _distinct(spans)]
    machine = [(span, people[item]) for item in people for span in suggested[item]]
    return [
        _share(dataset, "desk_pii_recall", _met(marks), len(marks), "marks", "of people's marks were found"),
        _share(
            dataset,
            "desk_pii_precision",
            _met(machine),
            len(machine),
            "marks",
            "of the stage's marks are right",
        ),
    ]


def _distinct(spans: list[Any]) -> list[Any]:
    return [s for i, s in enumerate(spans) if not any(_meet(s, other) for other in spans[:i])]


def _meet(left: Any, right: Any) -> bool:
    return bool(left["start"] < right["end"] and right["start"] < left["end"])


def _met(marks: list[tuple[Any, list[Any]]]) -> int:
    return sum(any(_meet(span, other) for other in others) for span, others in marks)


def _share(dataset: DeskDataset, name: str, found: int, n: int, unit: str, words: str) -> Fact:
    low, high = wilson(found, n)
    if found == 0 and n:
        low, high = 0.0, 1 - (1 - LEVEL) ** (1 / n)  # exact, one-sided
    return Fact(
        subject=dataset.version,
        subject_kind="version",
        name=name,
        value=found / n if n else None,
        unit="fraction",
        slice=f"dataset={dataset.dataset}",
        n=n,
        low=low,
        high=high,
        level=LEVEL,
        method="exact upper bound" if found == 0 else "Wilson",
        signature=f"people on the desk|any one of them|{unit}",
        evidence=f"python -m curation.desk pull dataset={dataset.dataset} apply=false",
        detail={"says": f"{found:,} of {n:,} {unit} {words} (95 %: {low:.2%} to {high:.2%})."},
    )
