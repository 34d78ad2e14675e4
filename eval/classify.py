"""A classifier's run, evaluated: labels by base and tuned, by the most frequent label and by a linear model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.facts import Fact
from data.intervals import wilson
from data.progress import progress
from data.runs import Run
from eval.bootstrap import draws, interval
from eval.config import BootstrapConfig
from eval.items import Item, Slice
from eval.scores import Scored
from train.baselines import linear, majority
from train.classify_scores import confusion, per_class
from train.load import labels_of


def ask_labels(
    role: str, model: Any, tokenizer: Any, slices: Sequence[Slice], run: Run, batch_size: int
) -> dict[str, list[str]]:
    """By slice name the label that `model` gives each item."""
    from train.classify import predict

    labels = labels_of(run)
    said: dict[str, list[str]] = {}
    for items in slices:
        texts = [item.question for item in items.items]
        with progress(f"Labels of {role}, {items.name}", total=len(texts)) as advance:
            found = predict(
                model,
                tokenizer,
                texts,
                max_length=int(run.config["task"]["max_length"]),
                batch_size=batch_size,
                advance=advance,
            )
        said[items.name] = [labels[n] for n in found.argmax(axis=1)]
    return said


def baselines(training: Sequence[Item], items: Slice, run: Run) -> dict[str, list[str]]:
    """Role -> labels of the items by what is trained on the very rows of the run, and asks no model."""
    known = set(labels_of(run))
    rows = [item for item in training if item.references[0] in known][: run.config.get("train_rows")]
    labels = [item.references[0] for item in rows]
    texts = [item.question for item in rows]
    return {
        "majority": [majority(labels)] * len(items.items),
        "linear": linear(texts, labels, [item.question for item in items.items], run.seed),
    }


def classes_of(items: Slice, run: Run) -> list[str]:
    """Every label that an item carries or the run can answer, sorted."""
    return sorted({*labels_of(run), *(item.references[0] for item in items.items)})


def table_of(scored: Scored, role: str) -> Any:
    """int64[classes, classes] of one role: rows are what is true, columns what it said."""
    number = {label: n for n, label in enumerate(scored.classes)}
    true = [number[item.references[0]] for item in scored.slice.items]
    said = [number[label] for label in scored.answers[role]]
    return confusion(true, said, len(scored.classes))


def class_facts(evaluation: str, scored: Scored, config: BootstrapConfig) -> list[Fact]:
    """Precision, recall and F1 of each class with intervals, and the table of confusion, of every role."""
    found: list[Fact] = []
    for role in scored.roles:
        table = table_of(scored, role)
        spans = _f1_spans(scored, role, config)
        where = f"slice={scored.slice.name},role={role}"
        found.append(
            Fact(
                subject=evaluation,
                subject_kind="evaluation",
                name="confusion",
                value=float(np.trace(table)),
                unit="items right",
                slice=where,
                n=int(table.sum()),
                method="rows are what is true, columns what was said",
                detail={"classes": scored.classes, "table": table.tolist()},
            )
        )
        values = per_class(table)
        for n, label in enumerate(scored.classes):
            hits, true, said = int(table[n, n]), int(table[n].sum()), int(table[:, n].sum())
            for name, value, of, span, method in (
                ("precision", values[0][n], said, wilson(hits, said), "Wilson score interval"),
                ("recall", values[1][n], true, wilson(hits, true), "Wilson score interval"),
                ("f1", values[2][n], true, spans[n], f"bootstrap of items, {config.resamples} resamples, percentile"),
            ):  # fmt: skip
                level = 0.95 if name != "f1" else config.level
                found.append(_of_class(evaluation, name, label, where, float(value), of, span, level, method))
    return found


def _of_class(
    evaluation: str, name: str, label: str, where: str, value: float, n: int,
    span: tuple[float, float], level: float, method: str,
) -> Fact:  # fmt: skip
    return Fact(
        subject=evaluation,
        subject_kind="evaluation",
        name=name,
        value=value,
        unit="fraction",
        slice=f"{where},label={label}",
        n=n,
        low=span[0],
        high=span[1],
        level=level,
        method=method,
    )


def _f1_spans(scored: Scored, role: str, config: BootstrapConfig) -> list[tuple[float, float]]:
    """The percentile interval of each class's F1."""
    number = {label: n for n, label in enumerate(scored.classes)}
    size = len(scored.classes)
    true = np.array([number[item.references[0]] for item in scored.slice.items])
    said = np.array([number[label] for label in scored.answers[role]])
    each = np.zeros((len(true), 3 * size))
    rows = np.arange(len(true))
    each[rows, true] += true == said
    each[rows, size + true] += 1
    each[rows, 2 * size + said] += 1
    parts = []
    for counts in draws(len(true), config):
        hits, is_true, is_said = np.split(counts.astype(np.float64) @ each, 3, axis=1)
        whole = is_true + is_said
        parts.append(np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0))
    drawn = np.concatenate(parts)
    spans = [interval(drawn[:, n], config.level) for n in range(size)]
    return [(span.low, span.high) for span in spans]


def worst_confusions(scored: Scored, role: str = "tuned", count: int = 10) -> list[tuple[str, str, int, int]]:
    """(true, said, items, items that are truly so) of what is mistaken most often."""
    table = table_of(scored, role)
    pairs = [
        (scored.classes[a], scored.classes[b], int(table[a, b]), int(table[a].sum()))
        for a in range(len(scored.classes))
        for b in range(len(scored.classes))
        if a != b and table[a, b]
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))[:count]


def merged(spoken: Mapping[str, Sequence[str]], more: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The roles in the order of a report: the untuned model, the simple ones, the tuned one."""
    everything = {**spoken, **more}
    order = [role for role in ("base", "majority", "linear", "tuned") if role in everything]
    return {role: list(everything[role]) for role in order}
