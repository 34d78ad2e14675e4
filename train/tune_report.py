"""What a search says: the best settings, which settings matter, and every trial, as facts, a page and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table as Lines

from data.commands import spelt
from data.facts import Fact
from data.report import Block, Callout, Cell, Chart, Commands, Paragraph, Report, Section, Table, charts
from data.report.wording import number
from train.config import TrainConfig
from train.search import ended, importances, number_of
from train.winner import command_of

TITLES = {"loss": "Validation loss", "accuracy": "Validation accuracy", "macro_f1": "Validation macro F1"}


def tune_facts(study_id: str, version: str, config: TrainConfig, study: Any) -> list[Fact]:
    """The best value, how many trials there were, and how much each setting matters."""
    trials = ended(study)
    signature = (
        f"version={version}|search={config.tune.name}|measure={config.tune.measure}|seed={config.seed}"
    )

    def fact(name: str, value: float, unit: str, where: str, n: int, method: str, **detail: Any) -> Fact:
        return Fact(
            subject=study_id, subject_kind="run", name=name, value=value, unit=unit, slice=where, n=n,
            method=method, signature=signature, detail=detail,
        )  # fmt: skip

    best = study.best_trial
    pruned = len(trials) - sum(trial.value is not None and trial.state.name == "COMPLETE" for trial in trials)
    unit = "nats per token" if config.tune.measure == "loss" else "fraction"
    found = [
        fact(
            "tune_best",
            best.value,
            unit,
            "all",
            len(trials),
            "best validation of the best trial",
            params=best.params,
        ),
        fact("tune_trials", len(trials), "trials", "all", len(trials), "complete or given up"),
        fact(
            "tune_pruned",
            pruned,
            "trials",
            "all",
            len(trials),
            "given up: worse than the median at that point",
        ),
    ]
    found += [
        fact(
            "tune_importance",
            share,
            "fraction",
            f"key={key}",
            len(trials),
            "optuna, share of the spread explained",
        )
        for key, share in importances(study).items()
    ]
    return found


def tune_report(
    study_id: str,
    version: str,
    config: TrainConfig,
    study: Any,
    facts: Sequence[Fact],
    winner: Path,
    settings_file: Path,
) -> Report:
    """The page: every trial as a line through its settings, what matters, and the course of the search."""
    best, title = study.best_trial, TITLES[config.tune.measure]
    settings = ", ".join(f"{key} {_shown(value)}" for key, value in best.params.items())
    blocks: list[Block] = [_parallel(config, study)]
    matter = [fact for fact in facts if fact.name == "tune_importance"]
    blocks.append(
        _importance(matter) if matter else Paragraph("Too few trials to say which setting matters.")
    )
    return Report(
        title=f"{len(ended(study))} trials, {config.tune.name} search",
        kicker="Training report",
        subject={
            "study": study_id,
            "version": version,
            "task": config.task.name.value,
            "model": config.model.path or config.model.name,
            "method": config.method.name,
        },
        outcome="INFO",
        summary=f"Best: {settings}. {title} {number(best.value)}, at trial {number_of(study, best)}. It was chosen "
        "for this number among many, so the number flatters it: the test split says how good it is.",
        sections=[
            Section("settings", "Settings and results", "", blocks),
            Section("course", "Course of the search", "", [_course(config, study), _listing(config, study)]),
            Section("winner", "The winner", "", _winner(winner, config)),
        ],
        not_examined=["The test split: no trial reads it. It is kept for the evaluation of the winner."],
        reproduce=[command_of(settings_file, config.store.path)],
        facts=list(facts),
    )


def closing(study_id: str, config: TrainConfig, study: Any, page: Path, winner: Path) -> Lines:
    """The table at the end of the command."""
    best = study.best_trial
    table = Lines(
        title=f"{len(ended(study))} trials: {study_id}", title_justify="left", show_header=False, box=None
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(
        TITLES[config.tune.measure].lower(), f"{number(best.value)} (trial {number_of(study, best)})"
    )
    for key, value in best.params.items():
        table.add_row(key, _shown(value))
    table.add_row("report", str(page))
    table.add_row("next", command_of(winner, config.store.path))
    return table


def _rows(config: TrainConfig, study: Any) -> list[dict[str, Any]]:
    """One dict a trial: number, value (of a pruned one, the last that it reported), pruned, params."""
    rows = []
    for count, trial in enumerate(ended(study), start=1):
        reported = list(trial.intermediate_values.values())
        whole = trial.state.name == "COMPLETE"
        value = trial.value if whole else reported[-1] if reported else None
        if value is not None and math.isfinite(value):
            rows.append({"trial": count, "value": value, "pruned": not whole, "params": trial.params})
    return rows


def _parallel(config: TrainConfig, study: Any) -> Chart:
    rows = _rows(config, study)
    logarithmic = {key for key, values in config.tune.space.items() if values.log} or {"learning_rate"}
    title = TITLES[config.tune.measure]
    least = config.tune.measure == "loss"
    lines = [{**row["params"], title: row["value"], "pruned": row["pruned"]} for row in rows]
    return Chart(
        lambda: charts.parallel(lines, last=title, logarithmic=logarithmic, least_is_best=least),
        caption="Each line is a trial, from its settings on the left to its result on the right. The thick ones came "
        "out best, dashed ones were given up.",
        alt=f"Parallel coordinates of {len(rows)} trials; the table below has the numbers.",
        rows=lines,
    )


def _importance(facts: Sequence[Fact]) -> Chart:
    rows = [
        {
            "name": fact.slice.removeprefix("key="),
            "series": "importance",
            "value": fact.value,
            "low": None,
            "high": None,
        }
        for fact in facts
    ]
    return Chart(
        lambda: charts.compare(
            rows, title="share of the spread of results that the setting explains", share=True
        ),
        caption="Which settings matter, over the ranges that were searched.",
        alt="; ".join(f"{row['name']} {row['value']:.0%}" for row in rows),
        rows=rows,
    )


def _course(config: TrainConfig, study: Any) -> Chart:
    rows: list[dict[str, Any]] = []
    best: float | None = None
    pick = min if config.tune.measure == "loss" else max
    for row in _rows(config, study):
        if not row["pruned"]:
            best = row["value"] if best is None else pick(best, row["value"])
            rows.append({"x": row["trial"], "y": row["value"], "series": "trial"})
            rows.append({"x": row["trial"], "y": best, "series": "best so far"})
    return Chart(
        lambda: charts.line(rows, x_title="trial", y_title=TITLES[config.tune.measure]),
        caption="The result of each trial that ran to its end, and the best so far.",
        alt="Results by trial.",
        rows=rows,
    )


def _listing(config: TrainConfig, study: Any) -> Table:
    rows = _rows(config, study)
    keys = list(rows[0]["params"]) if rows else []
    ordered = sorted(
        rows, key=lambda row: (row["pruned"], row["value"] * (1 if config.tune.measure == "loss" else -1))
    )
    return Table(
        ["Trial", TITLES[config.tune.measure], *keys],
        [
            [
                row["trial"],
                Cell(number(row["value"]), note="given up" if row["pruned"] else ""),
                *(_shown(row["params"].get(key)) for key in keys),
            ]
            for row in ordered[:50]
        ],
        caption="The best first" + (", 50 of them." if len(ordered) > 50 else "."),
        align=["right", "right", *["left" for _ in keys]],  # type: ignore[list-item, unused-ignore]
    )


def _winner(winner: Path, config: TrainConfig) -> list[Block]:
    return [
        Callout("A number that was the best of many is better than the settings are.", "Evaluate the winner"),
        Commands(
            [command_of(winner, config.store.path), spelt("python -m eval", config.store.path)],
            "In the project's folder:",
        ),
    ]


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
