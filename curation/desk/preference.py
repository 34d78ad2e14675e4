"""Which of two models people prefer, without knowing which is which; and how they rate each one's answers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from curation.desk.answers import SUBMITTED
from curation.desk.settings import Kind, Use
from data.annotations import DeskDataset
from data.facts import Fact
from data.intervals import wilson
from data.store import Store

TUNED, BASE = "tuned", "base"


def preference_facts(store: Store, dataset: DeskDataset) -> list[Fact]:
    """Facts about an evaluation's answers; none for datasets of records, or without answers.

    `desk_preference`: of the items in which one of the two is preferred (majority of its answers), the share for the
    tuned model, with a Wilson interval. `desk_rating`: the mean rating of each question and role.
    """
    hidden = {row["item"]: json.loads(row["hidden"]) for row in store.desk_items(dataset.dataset).to_dicts()}
    if not any(hidden.values()):
        return []
    votes: dict[str, list[dict[str, Any]]] = {}
    for row in store.answers_of(dataset.dataset).to_dicts():
        if row["status"] == SUBMITTED and not row["stale"]:
            votes.setdefault(row["item"], []).append(json.loads(row["answers"]))
    facts = []
    for one in dataset.questions["ask"]:
        if one["use"] == Use.preference:
            facts += _preferred(dataset, one["question"], votes, hidden)
        elif one["kind"] == Kind.rating:
            facts += _rated(dataset, one["question"], votes, hidden)
    return facts


def _preferred(dataset: DeskDataset, name: str, votes: Any, hidden: dict[str, dict[str, str]]) -> list[Fact]:
    winners: Counter[str] = Counter()
    for item, answers in votes.items():
        counts = Counter(hidden[item].get(answer[name], "tie") for answer in answers)
        ahead = counts[TUNED] - counts[BASE]
        winners[TUNED if ahead > 0 else BASE if ahead < 0 else "tie"] += 1
    n = winners[TUNED] + winners[BASE]
    if not votes:
        return []
    low, high = wilson(winners[TUNED], n)
    told = f"{TUNED} {winners[TUNED]:,}, {BASE} {winners[BASE]:,}, neither {winners['tie']:,} of {len(votes):,} items"
    return [
        _fact(
            dataset, "desk_preference", winners[TUNED] / n if n else None, "fraction", n, name,
            low=low, high=high, level=0.95, method="Wilson over items; ties left out",
            detail={"says": f"preferred: {told} (share for {TUNED}: 95 % {low:.1%} to {high:.1%}).", **winners},
        )
    ]  # fmt: skip


def _rated(dataset: DeskDataset, name: str, votes: Any, hidden: dict[str, dict[str, str]]) -> list[Fact]:
    by_role: dict[str, list[float]] = {}
    for item, answers in votes.items():
        ratings = [answer[name] for answer in answers if name in answer]
        if ratings and "role" in hidden[item]:
            by_role.setdefault(hidden[item]["role"], []).append(sum(ratings) / len(ratings))
    facts = []
    for role, means in sorted(by_role.items()):
        mean = sum(means) / len(means)
        facts.append(
            _fact(
                dataset, f"desk_{name}", mean, "points", len(means), f"role={role}", method="mean over items",
                detail={"says": f"{name} of {role}: {mean:.2f} ({len(means):,} items)."},
            )
        )  # fmt: skip
    return facts


def _fact(
    dataset: DeskDataset, name: str, value: float | None, unit: str, n: int, slice_: str, **rest: Any
) -> Fact:
    return Fact(
        subject=dataset.version,
        subject_kind="evaluation",
        name=name,
        value=value,
        unit=unit,
        slice=f"dataset={dataset.dataset}|{slice_}",
        n=n,
        signature="people on the desk, blind",
        evidence=f"python -m curation.desk pull dataset={dataset.dataset} apply=false",
        **rest,
    )
