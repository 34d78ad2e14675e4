"""`python -m train folds=5`: k trainings, each measured on the fold that it did not see; whole groups stay together.

The folds are those of the split stage (`split.folds=5`): records that are near-duplicates of one another, or share a
group column, lie in one fold. The test split stays out of it. Nothing is chosen on a fold's rows: every training
runs to its last step, and is measured there.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from curation.split.folds import folds as folds_of
from data.errors import ConfigError
from data.records import canonical_json, digest
from data.runs import Run
from train import processes
from train.config import TrainConfig, what_matters
from train.folder import dump
from train.ingredients import Ingredients, gather
from train.keeping import AT_END, reading, writing
from train.suitable import check_config
from train.tasks import Task


@dataclass(frozen=True, slots=True)
class Fold:
    """One training of k.

    number   from 1
    rows     training and validation rows used
    before, after   measure -> value on the fold: of the untrained model, and at the last step
    others   role -> measure -> value of simpler models trained on the same rows (classify)
    history  the trainer's log
    best_step   the step at which the fold's loss was least: how long one might train
    """

    number: int
    rows: dict[str, int]
    before: dict[str, float]
    after: dict[str, float]
    others: dict[str, dict[str, float]]
    history: list[dict[str, Any]]
    best_step: int
    steps: int


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """All folds of one version and configuration; `folds_id` is `folds-` and 12 hex digits."""

    folds_id: str
    version: str
    config: dict[str, Any]
    folds: list[Fold]
    groups: int


def cross_validate(config: TrainConfig) -> int:
    """Train `config.folds` times, keep the facts, write the report, print the table."""
    from train.folds_report import closing, folds_facts, folds_report
    from train.run import learn, set_threads
    from train.winner import command_of, write_settings

    console = Console(stderr=True)
    set_threads(config)
    check_config(config)
    parts = _parts(config)
    version = parts[0].version
    folds_id = "folds-" + digest(canonical_json([version, what_matters(config)]), hex_digits=12)
    folder = Path(config.out).resolve() / folds_id
    # No early stopping: the fold would choose the moment at which it is measured.
    single = replace(config, out=str(folder), early_stopping_patience=0, validation_rows=None)
    found = []
    for number, rows in enumerate(parts, start=1):
        console.print(f"\nFold {number} of {len(parts)}", style="bold")
        noted = folder / f"fold-{number}.json"
        if noted.is_file() and not config.force:
            console.print("done already (force=true trains again)", style="dim")
            found.append(_read(noted))
            continue
        run = learn(single, rows, console, stored=False)
        fold = _measured(config, number, rows, run)
        dump(noted, asdict(fold))
        if not config.keep_checkpoints:
            shutil.rmtree(run.path, ignore_errors=True)
        found.append(fold)
    whole = CrossValidation(folds_id, version, what_matters(config), found, len(parts))
    facts = folds_facts(whole)
    with writing(config.store.path, console, patience=AT_END) as store:
        store.add_facts(facts)
    settings = write_settings(
        whole.config, folder / "settings.yaml", f"What {folds_id} was made with.", version
    )
    paths = folds_report(whole, facts, command_of(settings, config.store.path)).write(folder, "folds")
    Console().print(closing(whole, facts, paths["html"]))
    return 0


def _parts(config: TrainConfig) -> list[Ingredients]:
    """The rows of each fold. Raises ConfigError where the version was split into another number of folds."""
    whole = gather(replace(config, train_rows=None, validation_rows=None))
    with reading(config.store.path, processes.console()) as store:
        placed = folds_of(store, whole.version)
    made = placed["fold"].n_unique()
    if made != config.folds:
        raise ConfigError(
            f"folds={config.folds}, and version {whole.version} was split into {made}",
            f"folds={made}; or split again: python -m curation source.path=FILE split.folds={config.folds}",
        )
    rows = (
        pl.concat([whole.train, whole.validation]).join(placed, on="record_id", how="left").sort("record_id")
    )
    parts = []
    for number in sorted(placed["fold"].unique()):
        here = pl.col("fold") == number
        # A record between folds has none: it is trained on every time and never measured.
        learnt = rows.filter(here.not_() | pl.col("fold").is_null()).drop("fold")
        if config.train_rows is not None:
            learnt = learnt.head(config.train_rows)
        held_out = rows.filter(here).drop("fold")
        part = f"fold {number + 1} of {made}"
        parts.append(replace(whole, train=learnt, validation=held_out, part=part))
    return parts


def _measured(config: TrainConfig, number: int, rows: Ingredients, run: Run) -> Fold:
    history = json.loads((Path(run.path) / "history.json").read_text(encoding="utf-8"))
    entries = [entry for entry in history if "eval_loss" in entry]
    losses = {entry["step"]: entry["eval_loss"] for entry in entries}
    last = max(losses)
    others = _simpler(rows, config) if config.task.name is Task.classify else {}
    return Fold(
        number=number,
        rows=run.rows,
        before=_values(next(entry for entry in entries if entry["step"] == min(losses))),
        after=_values(next(entry for entry in entries if entry["step"] == last)),
        others=others,
        history=history,
        best_step=min(losses, key=lambda step: losses[step]),
        steps=last,
    )


def _values(entry: dict[str, Any]) -> dict[str, float]:
    """The measures of one validation by name: loss, and what the task adds."""
    from train.classify_scores import MEASURES

    return {name: float(entry[f"eval_{name}"]) for name in ("loss", *MEASURES) if f"eval_{name}" in entry}


def _simpler(rows: Ingredients, config: TrainConfig) -> dict[str, dict[str, float]]:
    """The measures of the most frequent label and of a linear model on the fold."""
    from train.baselines import linear, majority
    from train.classify_rows import text_of
    from train.classify_scores import confusion, measures

    learnt = [(text_of(m), label) for m, label in rows.train.select("messages", "label").iter_rows() if label]
    known = sorted({label for _, label in learnt})
    asked = [(text_of(m), label) for m, label in rows.validation.select("messages", "label").iter_rows()]
    asked = [(text, label) for text, label in asked if label in known]
    texts, labels = [text for text, _ in learnt], [label for _, label in learnt]
    said = {
        "majority": [majority(labels)] * len(asked),
        "linear": linear(texts, labels, [text for text, _ in asked], config.seed),
    }
    true = [known.index(label) for _, label in asked]
    found = {}
    for role, answers in said.items():
        table = confusion(true, [known.index(label) for label in answers], len(known))
        found[role] = {name: float(value) for name, value in measures(table).items()}
    return found


def _read(path: Path) -> Fold:
    return Fold(**json.loads(path.read_text(encoding="utf-8")))
