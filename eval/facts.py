"""Scores as stored facts: nothing is reported that is not one of these.

A fact's slice reads `slice=test,role=tuned`; a difference's `slice=test,role=tuned-base` (tuned minus base). Metrics of
a suite are named `task/metric`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import polars as pl

from data.evaluations import ANSWER_SCHEMA
from data.facts import Fact, Outcome
from data.records import canonical_json
from eval.classify import class_facts
from eval.compare import Comparison, Conclusion
from eval.config import BootstrapConfig
from eval.metrics import METRICS
from eval.scores import Scored
from eval.suite import SuiteScores
from eval.task_scores import TaskScore


def facts_of(
    evaluation: str, slices: Sequence[Scored], suite: SuiteScores | None, config: BootstrapConfig
) -> list[Fact]:
    """Every fact of one evaluation, slice by slice, then the suite's."""
    found = [fact for scored in slices for fact in _of_slice(evaluation, scored, config)]
    for role, scores in {} if suite is None else suite.by_role.items():
        found += [_of_task(evaluation, role, score, config) for score in scores]
    if suite is not None and suite.pair is not None:
        where = f"suite={suite.name},role={suite.pair[1]}-{suite.pair[0]}"
        found += [
            _of_comparison(evaluation, f"{task}/{metric}", where, comparison, config)
            for (task, metric), comparison in suite.comparisons.items()
        ]
    return found


def answers_of(slices: Sequence[Scored], suite: SuiteScores | None) -> pl.DataFrame:
    """Every answer, as the store keeps it (ANSWER_SCHEMA); `scores` are those that a single item can have."""
    rows: list[dict[str, Any]] = []
    for scored in slices:
        for role, texts in scored.answers.items():
            each = {metric: tally.items for metric, tally in scored.tallies[role].items()}
            for number, (item, text) in enumerate(zip(scored.slice.items, texts, strict=True)):
                scores = {metric: float(values[number]) for metric, values in each.items()}
                rows.append(
                    _row(scored.slice.name, item.id, role, item.question, text, item.references, scores)
                )
    for role, of_role in {} if suite is None else suite.by_role.items():
        for task in dict.fromkeys(score.task for score in of_role):
            of_task = [score for score in of_role if score.task == task]
            for number, one in enumerate(of_task[0].items):
                scores = {s.metric: float(s.tally.items[number]) for s in of_task if s.tally is not None}
                rows.append(_row(task, one.id, role, one.prompt, one.prediction, [one.reference], scores))
    return pl.DataFrame(rows, schema=ANSWER_SCHEMA)


def _row(
    task: str,
    item: str,
    role: str,
    prompt: str,
    prediction: str,
    references: list[str],
    scores: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "task": task,
        "item": item,
        "role": role,
        "prompt": prompt,
        "prediction": prediction,
        "references": references,
        "scores": canonical_json({metric: round(value, 6) for metric, value in scores.items()}),
    }


def _of_slice(evaluation: str, scored: Scored, config: BootstrapConfig) -> list[Fact]:
    name, count = scored.slice.name, len(scored.slice.items)
    found: list[Fact] = []
    for role, tallies in scored.tallies.items():
        for metric, tally in tallies.items():
            span = scored.intervals[role][metric]
            fact = Fact(
                subject=evaluation,
                subject_kind="evaluation",
                name=metric,
                value=tally.value,
                unit=METRICS[metric].unit,
                slice=f"slice={name},role={role}",
                n=count,
                low=span.low,
                high=span.high,
                level=span.level,
                method=f"bootstrap of items, {config.resamples} resamples, seed {config.seed}, percentile",
                signature=tally.signature,
                evidence=_answers_sql(evaluation, name, role),
            )
            found.append(fact)
            if metric == "perplexity":
                found.append(_nats(fact))
        if not scored.classes:
            found += _of_texts(evaluation, scored, role)
    for (first, second), comparisons in scored.comparisons.items():
        where = f"slice={name},role={second}-{first}"
        found += [_of_comparison(evaluation, m, where, c, config) for m, c in comparisons.items()]
    if scored.classes:
        found += class_facts(evaluation, scored, config)
    if scored.seen is not None:
        found.append(
            Fact(
                subject=evaluation,
                subject_kind="evaluation",
                name="prompts_seen_in_training",
                value=len(scored.seen) / count,
                unit="fraction",
                slice=f"slice={name}",
                n=count,
                method="prompts equal to a training prompt but for case and white space",
                detail={"items": scored.seen[:100]},
            )
        )
    return found


def _nats(perplexity: Fact) -> Fact:
    """The logarithm of a perplexity, interval and all."""
    assert perplexity.value is not None and perplexity.low is not None and perplexity.high is not None
    return Fact(
        subject=perplexity.subject,
        subject_kind=perplexity.subject_kind,
        name="nats_per_token",
        value=log(perplexity.value),
        unit="nats per token",
        slice=perplexity.slice,
        n=perplexity.n,
        low=log(perplexity.low),
        high=log(perplexity.high),
        level=perplexity.level,
        method=perplexity.method,
        signature=perplexity.signature,
        evidence=perplexity.evidence,
    )


def _of_texts(evaluation: str, scored: Scored, role: str) -> list[Fact]:
    """Length and emptiness: a metric can rise because answers got shorter, and this shows it."""
    texts = scored.answers[role]
    words = sum(len(text.split()) for text in texts)
    expected = sum(len(references[0].split()) for references in scored.slice.references)
    values = {
        "answer_words": (words / len(texts), "words per answer"),
        "answer_length_ratio": (words / expected if expected else None, "words per word of reference"),
        "empty_answers": (sum(not text.strip() for text in texts) / len(texts), "fraction"),
    }
    if role in scored.cut:
        values["cut_answers"] = (scored.cut[role] / len(texts), "fraction")
    return [
        Fact(
            subject=evaluation,
            subject_kind="evaluation",
            name=name,
            value=value,
            unit=unit,
            slice=f"slice={scored.slice.name},role={role}",
            n=len(texts),
            evidence=_answers_sql(evaluation, scored.slice.name, role),
        )
        for name, (value, unit) in values.items()
    ]


def _of_task(evaluation: str, role: str, score: TaskScore, config: BootstrapConfig) -> Fact:
    span = score.interval(config)
    return Fact(
        subject=evaluation,
        subject_kind="evaluation",
        name=f"{score.task}/{score.metric}",
        value=score.value,
        unit="fraction" if score.right_or_wrong else score.metric.replace("_", " "),
        slice=f"task={score.task},role={role}",
        n=score.n,
        low=None if span is None else span.low,
        high=None if span is None else span.high,
        level=None if span is None else span.level,
        method="" if span is None else "normal, from the harness's standard error",
        signature=score.signature,
        evidence=_answers_sql(evaluation, score.task, role),
        detail={} if score.stderr is None else {"stderr": score.stderr},
    )


def _of_comparison(
    evaluation: str, metric: str, where: str, found: Comparison, config: BootstrapConfig
) -> Fact:
    clear = found.conclusion in (Conclusion.better, Conclusion.worse)
    unit = METRICS[metric].unit if metric in METRICS else metric.rpartition("/")[2].replace("_", " ")
    draws = f"{config.resamples} resamples, seed {config.seed}, percentile"
    return Fact(
        subject=evaluation,
        subject_kind="evaluation",
        name=f"{metric}_difference",
        value=found.difference,
        unit=f"{unit} difference",
        slice=where,
        n=found.n,
        low=found.low,
        high=found.high,
        level=found.level,
        method=f"paired bootstrap of items, {draws}; p: {found.method}",
        signature=found.signature,
        outcome=Outcome.INFO.value if clear else Outcome.INSUFFICIENT.value,
        threshold=f"Holm-adjusted p below {1 - found.level:.3g}",
        n_needed=found.n_needed,
        detail={
            "conclusion": found.conclusion.value,
            "p": found.p,
            "p_adjusted": found.p_adjusted,
            "detectable_difference": found.detectable,
            "first": found.first,
            "second": found.second,
        },
    )


def _answers_sql(evaluation: str, task: str, role: str) -> str:
    return (
        'SELECT item, prediction, "references", scores FROM answers '
        f"WHERE evaluation_id = '{evaluation}' AND task = '{task}' AND \"role\" = '{role}'"
    )
