"""Facts about people who label: how far they agree, know what is known, take suggestions over, treat groups alike.

desk_alpha, desk_masi, desk_span_f1, desk_kappa   agreement, see `measures`
desk_accepted     share of answers that are the suggestion, unchanged: high together with low agreement is a sign
                  that people click what stands there
desk_gold         by annotator: share of answers to items with a known answer that are right
desk_majority     by annotator: share of answers that are what most of the others say
desk_disparity    by annotator and group: share of answers that are against a record (see `_against`), with p of
                  Fisher's exact test against the annotator's other groups, adjusted over all (Benjamini & Hochberg)
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from curation.desk import measures
from curation.desk.answers import SUBMITTED
from curation.desk.measures import Agreement, Unit
from curation.desk.questions import restored
from curation.desk.settings import Kind, LabellingConfig, QuestionConfig, Use
from data.annotations import DeskDataset
from data.facts import Fact
from data.intervals import wilson
from data.records import canonical_json, digest
from data.store import Store

AGREEMENT = ("desk_alpha", "desk_masi", "desk_span_f1")
FEWEST = 5  # answers of an annotator to a group, below which a share says nothing
LEVEL = measures.LEVEL


def units_of(store: Store, dataset: str, question: str, kind: Kind) -> dict[str, dict[str, Any]]:
    """Item -> annotator -> answer to `question`, of what was submitted about the text that was pushed."""
    counted = store.answers_of(dataset).filter((pl.col("status") == SUBMITTED) & ~pl.col("stale"))
    units: dict[str, dict[str, Any]] = {}
    for item, annotator, answers in counted.select("item", "annotator", "answers").iter_rows():
        value = json.loads(answers).get(question)
        if kind is Kind.span:
            value = value or []
        if value is not None:
            units.setdefault(item, {})[annotator] = value
    return units


def agreement_facts(store: Store, dataset: DeskDataset, config: LabellingConfig) -> list[Fact]:
    """The agreement of each question that several people answered; none where nobody answered twice."""
    facts: list[Fact] = []
    for name, question in restored(dataset.questions).ask.items():
        units = units_of(store, dataset.dataset, name, question.kind)
        for measure, level, shaped, how in _measures(question, units):
            found = measures.bootstrapped(shaped, how, draws=config.draws, seed=config.seed)
            if found.units:
                facts.append(_agreement_fact(dataset, name, measure, level, found, config))
        if question.kind is Kind.label_selection:
            facts += _kappas(dataset, name, list(units.values()), config)
    return facts


def _measures(
    question: QuestionConfig, units: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, str, list[Unit], Any]]:
    """(fact, level, units, function) of the measures that fit the kind of question."""
    plain: list[Unit] = list(units.values())
    match question.kind:
        case Kind.label_selection:
            yield "desk_alpha", "nominal", plain, lambda some: measures.alpha(some, "nominal")
        case Kind.rating:
            yield "desk_alpha", "ordinal", plain, lambda some: measures.alpha(some, "ordinal")
            yield "desk_alpha", "interval", plain, lambda some: measures.alpha(some, "interval")
        case Kind.ranking:
            # The rank of each thing ranked; whole items are drawn, as their ranks depend on each other.
            yield "desk_alpha", "ordinal ranks", plain, lambda some: measures.alpha(_ranks(some), "ordinal")
        case Kind.multi_label_selection:
            yield "desk_masi", "sets", plain, measures.masi
        case Kind.span:
            yield "desk_span_f1", "spans", [_spans(unit) for unit in plain], measures.span_f1
        case Kind.text:
            return


def _ranks(units: Any) -> list[Unit]:
    return [
        {who: next(one["rank"] for one in value if one["value"] == label) for who, value in unit.items()}
        for unit in units
        for label in sorted({one["value"] for value in unit.values() for one in value})
    ]


def _spans(unit: Unit) -> dict[str, frozenset[tuple[int, int, str]]]:
    return {who: frozenset((s["start"], s["end"], s["label"]) for s in spans) for who, spans in unit.items()}


def _agreement_fact(
    dataset: DeskDataset, question: str, measure: str, level: str, found: Agreement, config: LabellingConfig
) -> Fact:
    around = "" if found.low is None else f" (95 %: {found.low:.2f} to {found.high:.2f})"
    value = "not defined: all answers are equal" if found.value is None else f"{found.value:.2f}{around}"
    return _fact(
        dataset, measure, found.value, "agreement", f"question={question}|{level}", found.units,
        low=found.low, high=found.high, level=LEVEL,
        method=f"bootstrap of items, {config.draws:,} draws", signature=f"{level}|seed:{config.seed}",
        detail={"says": f"{measure} of {question} ({level}): {value}, {found.units:,} items.",
                "question": question, "level": level, "answers": found.answers, "dataset": dataset.dataset},
    )  # fmt: skip


def _kappas(dataset: DeskDataset, question: str, units: list[Unit], config: LabellingConfig) -> list[Fact]:
    people = sorted({who for unit in units for who in unit}, key=_number)
    facts = []
    for left, right in itertools.combinations(people, 2):
        found = measures.kappa(units, left, right, draws=config.draws, seed=config.seed)
        if found.units:
            facts.append(
                _fact(
                    dataset, "desk_kappa", found.value, "agreement", f"question={question}|{left} and {right}",
                    found.units, low=found.low, high=found.high, level=LEVEL,
                    method=f"Cohen's kappa; bootstrap of items, {config.draws:,} draws",
                    signature=f"seed:{config.seed}", detail={"question": question, "left": left, "right": right},
                )
            )  # fmt: skip
    return facts


def people_facts(store: Store, dataset: DeskDataset, config: LabellingConfig) -> list[Fact]:
    """What is known of each annotator, and of the suggestions."""
    items = {row["item"]: row for row in store.desk_items(dataset.dataset).to_dicts()}
    counts: dict[str, Counter[str]] = {}

    def count(name: str, slice_: str, *, hit: bool) -> None:
        counts.setdefault(f"{name} {slice_}", Counter())["hit" if hit else "miss"] += 1

    for question, settings in restored(dataset.questions).ask.items():
        for item, unit in units_of(store, dataset.dataset, question, settings.kind).items():
            suggested = json.loads(items[item]["suggestions"]).get(question)
            gold = json.loads(items[item]["gold"] or "{}")
            for who, value in unit.items():
                others = [_comparable(v) for w, v in unit.items() if w != who]
                if suggested is not None:
                    same = _comparable(value) == _comparable_suggestion(suggested[0])
                    count("desk_accepted", f"question={question}", hit=same)
                    count("desk_accepted", f"question={question}|{who}", hit=same)
                if question in gold:
                    count(
                        "desk_gold",
                        f"question={question}|{who}",
                        hit=_comparable(value) == _comparable(gold[question]),
                    )
                if others and settings.kind is not Kind.text:
                    most, votes = Counter(others).most_common(1)[0]
                    if 2 * votes > len(others):
                        count("desk_majority", f"question={question}|{who}", hit=_comparable(value) == most)
    facts = []
    for key in sorted(counts, key=lambda key: (key.partition(" ")[0], _number(key), key)):
        name, _, slice_ = key.partition(" ")
        facts.append(_share(dataset, name, slice_, counts[key]["hit"], counts[key].total()))
    return facts


def disparity_facts(store: Store, dataset: DeskDataset, config: LabellingConfig) -> list[Fact]:
    """By annotator and group of `config.groups`: the share of answers against a record."""
    question = next(
        (pair for pair in restored(dataset.questions).ask.items() if _against(pair[1]) is not None), None
    )
    if not config.groups or question is None or dataset.version not in {v.version for v in store.versions()}:
        return []
    name, settings = question
    against: Any = _against(settings)
    items = store.desk_items(dataset.dataset).select("item", "record_id")
    frame = store.read(dataset.version, readable=True).frame("record_id", *config.groups).collect()
    groups = {row["item"]: row for row in items.join(frame, on="record_id").to_dicts()}
    counts: dict[tuple[str, str, str], list[int]] = {}
    for item, unit in units_of(store, dataset.dataset, name, settings.kind).items():
        for column in config.groups:
            group = groups.get(item, {}).get(column)
            for who, value in unit.items():
                pair = counts.setdefault((who, column, "none" if group is None else str(group)), [0, 0])
                pair[0] += bool(against(value))
                pair[1] += 1
    return _tested(dataset, name, counts)


def _tested(dataset: DeskDataset, question: str, counts: dict[tuple[str, str, str], list[int]]) -> list[Fact]:
    from scipy.stats import false_discovery_control, fisher_exact

    tests = []
    for (who, column, group), (found, n) in sorted(counts.items()):
        others = [v for (w, c, g), v in counts.items() if w == who and c == column and g != group]
        rest, rest_n = sum(v[0] for v in others), sum(v[1] for v in others)
        if min(n, rest_n) >= FEWEST:
            p = float(fisher_exact([[found, n - found], [rest, rest_n - rest]]).pvalue)
            tests.append((who, column, group, found, n, rest / rest_n, p))
    adjusted = false_discovery_control([test[-1] for test in tests]) if tests else []
    facts = []
    for (who, column, group, found, n, rest_share, p), q in zip(tests, adjusted, strict=True):
        fact = _share(dataset, "desk_disparity", f"question={question}|{who}|{column}={group}", found, n)
        fact.method = "Wilson; Fisher's exact test against the annotator's other groups, Benjamini-Hochberg"
        # Of two groups one mirrors the other: the one that fares worse is told.
        mirrored = sum(w == who and c == column for w, c, _ in counts) == 2
        told = not mirrored or found / n >= rest_share
        fact.detail |= {"p": p, "p_adjusted": float(q), "others": rest_share, "told": told}
        facts.append(fact)
    return facts


def _against(question: QuestionConfig) -> Any:
    """Whether an answer is against a record: dropped, or a rating below the middle; None for other questions."""
    if question.use is Use.fate:
        return lambda value: value == "drop"
    if question.kind is Kind.rating:
        return lambda value: value < (question.lowest + question.highest) / 2
    return None


def _comparable(value: Any) -> str:
    """Equal for equal answers; sets and spans in any order; of a text its digest."""
    if isinstance(value, list):
        return canonical_json(sorted(canonical_json(one) for one in value))
    return canonical_json({"digest": digest(value)} if isinstance(value, str) else value)


def _comparable_suggestion(value: Any) -> str:
    return canonical_json(value) if isinstance(value, dict) else _comparable(value)


def _number(name: str) -> int:
    digits = name.rpartition("annotator-")[2].partition("|")[0]
    return int(digits) if digits.isdecimal() else 0


def _share(dataset: DeskDataset, name: str, slice_: str, found: int, n: int) -> Fact:
    low, high = wilson(found, n)
    return _fact(
        dataset, name, found / n if n else None, "fraction", slice_, n, low=low, high=high, level=LEVEL,
        method="Wilson", detail={"found": found},
    )  # fmt: skip


def _fact(
    dataset: DeskDataset, name: str, value: float | None, unit: str, slice_: str, n: int, **rest: Any
) -> Fact:
    # A prefix of both kinds of ids; an evaluation is no version.
    kind = "version" if dataset.version.startswith("v-") else "evaluation"
    return Fact(
        subject=dataset.version, subject_kind=kind, name=name, value=value, unit=unit,
        slice=f"dataset={dataset.dataset}|{slice_}", n=n,
        evidence=f"python -m curation.desk agreement dataset={dataset.dataset}", **rest,
    )  # fmt: skip
