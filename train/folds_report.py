"""What a cross-validation says: mean and interval over the folds, as facts, a page and the closing table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table as Lines

from data.facts import Fact
from data.report import Block, Callout, Cell, Chart, Commands, Paragraph, Report, Section, Table, charts
from data.report.wording import number

if TYPE_CHECKING:
    from train.folds import CrossValidation

TITLES = {
    "loss": "Loss, nats",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
}
ROLES = {
    "base": "before training",
    "majority": "most frequent label",
    "linear": "linear model",
    "tuned": "tuned",
}
METHOD = "mean over folds; t interval of the corrected resampled variance (Nadeau and Bengio 2003)"


def spread(values: Sequence[float], fold_share: float, level: float = 0.95) -> tuple[float, float, float]:
    """Mean, low and high over k folds.

    Folds share most of their training rows, so their scores are alike: the variance of the mean is taken as
    s^2 (1/k + m/n), with m/n the rows of a fold by the rows trained on (Nadeau and Bengio 2003, "Inference for the
    generalization error"); quantiles of t with k - 1 degrees of freedom.
    """
    from scipy.stats import t

    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return mean, mean, mean
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    half = float(t.ppf((1 + level) / 2, count - 1)) * (variance * (1 / count + fold_share)) ** 0.5
    return mean, mean - half, mean + half


def folds_facts(found: CrossValidation) -> list[Fact]:
    """Every measure of every fold, their means with intervals, and the gains of the tuned model over the others."""
    share = _share(found)
    facts: list[Fact] = []

    def add(name: str, where: str, values: Sequence[float], rows: int, unit: str) -> None:
        mean, low, high = spread(values, share)
        if not name.endswith("_difference"):  # with few folds t reaches beyond what a share can be
            low, high = max(low, 0.0), min(high, 1.0) if unit == "fraction" else high
        whole = len(values) > 1
        facts.append(
            Fact(
                subject=found.folds_id,
                subject_kind="run",
                name=name,
                value=mean,
                unit=unit,
                slice=where,
                n=rows,
                low=low if whole else None,
                high=high if whole else None,
                level=0.95 if whole else None,
                method=METHOD if whole else "at the last step",
                signature=f"version={found.version}|folds={len(found.folds)}|task={found.config['task']['name']}"
                f"|model={found.config['model']['name']}|method={found.config['method']['name']}",
                detail={"folds": list(values)} if whole else {},
            )
        )

    rows = sum(fold.rows["validation"] for fold in found.folds)
    for measure in found.folds[0].after:
        unit = "nats" if measure == "loss" else "fraction"
        by_role = _by_role(found, measure)
        for role, values in by_role.items():
            add(f"fold_{measure}", f"folds=all,role={role}", values, rows, unit)
            for fold, value in zip(found.folds, values, strict=True):
                add(
                    f"fold_{measure}",
                    f"fold={fold.number},role={role}",
                    [value],
                    fold.rows["validation"],
                    unit,
                )
        for role, values in by_role.items():
            if role != "tuned":
                gains = [b - a for a, b in zip(values, by_role["tuned"], strict=True)]
                add(f"fold_{measure}_difference", f"folds=all,role=tuned-{role}", gains, rows, unit)
    return facts


def folds_report(found: CrossValidation, facts: Sequence[Fact], again: str) -> Report:
    """The page: means and intervals, each fold, and its curves; `again` is the command that gives it."""
    config = found.config
    first = _mean(facts, _headline(found), "tuned")
    section: list[Block] = [_means(found, facts), _each_chart(found), _each_table(found)]
    curves: list[Block] = [_curves(found), *_advice(found)]
    name = TITLES[_headline(found)]
    return Report(
        title=f"Cross-validation in {len(found.folds)} folds",
        kicker="Training report",
        subject={
            "folds": found.folds_id,
            "version": found.version,
            "task": config["task"]["name"],
            "model": str(config["model"]["path"] or config["model"]["name"]),
            "method": config["method"]["name"],
        },
        outcome="INFO",
        summary=f"{name} on rows that were not trained on: {number(first.value)} (95 % interval {number(first.low)} to "
        f"{number(first.high)} over {len(found.folds)} folds). " + _against(found, facts),
        sections=[
            Section("folds", "Over the folds", "", section),
            Section("curves", "Curves", "The loss on each fold while the others are learnt.", curves),
            Section("method", "How it was measured", "", _method(found)),
        ],
        not_examined=["The test split: it is kept for the evaluation of the final model (python -m eval)."],
        reproduce=[again],
        facts=list(facts),
    )


def closing(found: CrossValidation, facts: Sequence[Fact], page: Path) -> Lines:
    """The table at the end of the command, 80 columns."""
    table = Lines(
        title=f"{len(found.folds)} folds: {found.folds_id}", title_justify="left", box=None, padding=(0, 2)
    )
    table.add_column("")
    for role in _by_role(found, _headline(found)):
        table.add_column(role, justify="right")
    table.add_column("tuned, 95 %", justify="center", no_wrap=True)
    for measure in found.folds[0].after:
        means = [_mean(facts, measure, role) for role in _by_role(found, measure)]
        shown = {fact.slice: number(fact.value) for fact in means}
        cells = [shown.get(f"folds=all,role={role}", "-") for role in _by_role(found, _headline(found))]
        name = measure.removeprefix("macro_").replace("f1", "F1")
        table.add_row(name, *cells, f"{number(means[-1].low)} .. {number(means[-1].high)}")
    table.caption, table.caption_justify = str(page), "left"
    return table


def _headline(found: CrossValidation) -> str:
    return "macro_f1" if "macro_f1" in found.folds[0].after else "loss"


def _share(found: CrossValidation) -> float:
    held = sum(fold.rows["validation"] for fold in found.folds)
    return held / max(sum(fold.rows["train"] for fold in found.folds), 1)


def _by_role(found: CrossValidation, measure: str) -> dict[str, list[float]]:
    roles: dict[str, list[float]] = {"base": [fold.before[measure] for fold in found.folds]}
    for role in found.folds[0].others:
        if measure in found.folds[0].others[role]:
            roles[role] = [fold.others[role][measure] for fold in found.folds]
    return {**roles, "tuned": [fold.after[measure] for fold in found.folds]}


def _mean(facts: Sequence[Fact], measure: str, role: str) -> Fact:
    where = f"folds=all,role={role}"
    return next(fact for fact in facts if fact.name == f"fold_{measure}" and fact.slice == where)


def _against(found: CrossValidation, facts: Sequence[Fact]) -> str:
    """Whether the tuned model is better than each of the others, in a sentence a role."""
    measure = _headline(found)
    sentences = []
    for fact in facts:
        if fact.name != f"fold_{measure}_difference" or fact.low is None or fact.high is None:
            continue
        role = ROLES[fact.slice.rpartition("tuned-")[2]]
        up, down = (fact.high < 0, fact.low > 0) if measure == "loss" else (fact.low > 0, fact.high < 0)
        verdict = "better than" if up else "worse than" if down else "not clearly different from"
        what = role if role != "before training" else "the model before training"
        sentences.append(f"It is {verdict} {what} ({number(fact.low)} to {number(fact.high)}).")
    return " ".join(sentences)


def _means(found: CrossValidation, facts: Sequence[Fact]) -> Table:
    roles = list(_by_role(found, _headline(found)))
    rows = []
    for measure in found.folds[0].after:
        cells: list[Cell | str] = [TITLES[measure]]
        for role in roles:
            if role not in _by_role(found, measure):
                cells.append("not measured")
                continue
            fact = _mean(facts, measure, role)
            cells.append(Cell(number(fact.value), note=f"{number(fact.low)} to {number(fact.high)}"))
        rows.append(cells)
    return Table(
        ["Measure", *(ROLES[role] for role in roles)], rows, caption="Means over the folds, 95 % intervals."
    )


def _each_table(found: CrossValidation) -> Table:
    measures = list(found.folds[0].after)
    rows: list[list[str | int]] = [
        [
            fold.number,
            fold.rows["train"],
            fold.rows["validation"],
            *(number(fold.after[m]) for m in measures),
            fold.best_step,
        ]
        for fold in found.folds
    ]
    return Table(
        ["Fold", "Trained on", "Measured on", *(TITLES[m] for m in measures), "Step of least loss"],
        rows,
        caption=f"The tuned model of each fold after its last step ({found.folds[0].steps:,}).",
    )


def _each_chart(found: CrossValidation) -> Chart:
    measure = _headline(found)
    rows = [
        {"name": f"fold {fold.number}", "series": ROLES[role], "value": value, "low": None, "high": None}
        for role, values in _by_role(found, measure).items()
        for fold, value in zip(found.folds, values, strict=True)
    ]
    return Chart(
        lambda: charts.compare(rows, title=TITLES[measure], share=measure != "loss"),
        caption=f"{TITLES[measure]} of each fold.",
        alt=f"Bars of {TITLES[measure]} for each fold; the table has the numbers.",
        rows=rows,
    )


def _curves(found: CrossValidation) -> Chart:
    rows = [
        {"x": entry["step"], "y": entry["eval_loss"], "series": f"fold {fold.number}"}
        for fold in found.folds
        for entry in fold.history
        if "eval_loss" in entry
    ]
    return Chart(
        lambda: charts.line(rows, x_title="step", y_title="loss on the fold"),
        caption="Where the curves turn upwards the model begins to learn its training rows by heart.",
        alt="Loss on each fold by training step.",
        rows=rows,
    )


def _advice(found: CrossValidation) -> list[Block]:
    steps = sorted(fold.best_step for fold in found.folds)
    middle, last = steps[len(steps) // 2], found.folds[0].steps
    if middle >= last:
        return []
    words = f"The loss was least at step {middle:,} (median) of {last:,}: a training of about steps={middle} suffices."
    return [Callout(words, "Shorter is better")]


def _method(found: CrossValidation) -> list[Block]:
    words = (
        "Records that are near-duplicates of one another, or share a group column, lie in one fold. Each training "
        "sees all folds but one, runs to its last step without early stopping, and is measured on the fold left out. "
        f"Intervals: {METHOD}."
    )
    return [Paragraph(words), Commands([f"python -m data facts {found.folds_id}"], "The stored facts:")]
