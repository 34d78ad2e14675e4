"""`python -m train`: checks, training, and everything that a run leaves behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from data.records import canonical_json, digest
from data.runs import Run
from train import processes
from train.card import Provenance
from train.closing import closing_table, outcome_facts
from train.config import TrainConfig, as_data, what_matters
from train.folder import dump, finished, write_start, write_weights
from train.ingredients import Ingredients, gather
from train.keeping import AT_END, AT_START, writing
from train.look import look
from train.methods import check_machine
from train.models import BaseModel, Shape, open_directory, prepare
from train.resume import begin
from train.rows import Tokenised, texts_of
from train.rows_kept import keep_rows
from train.stretches import Stretches
from train.suitable import check_config, check_licence, check_model

if TYPE_CHECKING:
    from train.attempt import Trained

LOSSES = "row_losses.parquet"  # in a run's folder: as train.row_loss.before_and_after gives them


class Stopped(KeyboardInterrupt):
    """Ctrl-C, and how to go on was said already."""


def train(config: TrainConfig) -> int:
    """Train as `config` says, keep the Run, print the closing table. Raises UserError before any compute is spent."""
    processes.join()
    console = processes.console()
    set_threads(config)
    check_config(config)
    if config.plan:
        rows = gather(config)
        look(config, rows, base_of(config, rows, console), console)
        console.print("Nothing was trained (plan=true).")
        return 0
    run = learn(config, gather(config), console)
    if processes.is_first():
        Console().print(closing_table(run))
    return 0


def learn(
    config: TrainConfig,
    rows: Ingredients,
    console: Console,
    *,
    stored: bool = True,
    watchers: Sequence[Any] = (),
) -> Run:
    """One training on `rows`, down to the files of its folder; the same one that is done already is not repeated.

    `stored` false leaves the store alone: a part of something larger. `watchers` are callbacks of the trainer.
    """
    stretches = Stretches(time.perf_counter())
    base = base_of(config, rows, console)
    run_id = identity(config, rows, base)
    folder = Path(config.out).resolve() / run_id
    done = processes.from_first(lambda: None if config.force else finished(folder))
    if done is not None:
        console.print(
            f"{run_id} is done already: same version, settings and base model (force=true trains again)."
        )
        if stored and processes.is_first():
            _keep(config, done, console, losses=losses_in(folder))
        return done
    run = _new_run(config, run_id, rows.version, base, folder)
    trained = _train(
        config,
        run,
        rows,
        base,
        folder,
        console,
        stored=stored,
        watchers=[*watchers, stretches],
        stretches=stretches,
    )
    if not processes.is_first():
        return run
    write_weights(run, trained.fitted, trained.looked.tokenizer, folder)
    run.metrics |= stretches.totals(trained.fitted)
    _finish(config, run, trained, rows.provenance, base, folder, console, stored=stored)
    return run


def identity(config: TrainConfig, rows: Ingredients, base: BaseModel) -> str:
    """The id of the run: the same rows, settings, base and number of processes give the same."""
    parts: list[Any] = [rows.version, what_matters(config), base.digest, *([rows.part] if rows.part else [])]
    if processes.count() > 1:
        parts.append(processes.count())
    return "run-" + digest(canonical_json(parts), hex_digits=12)


def base_of(config: TrainConfig, rows: Ingredients, console: Console) -> BaseModel:
    """The base model, made where needed. Raises UserError where it suits neither the machine nor the task."""
    check_machine(config.method)
    check_licence(config, config.model.licence)  # before anything is fetched
    base = processes.first_then_others(
        lambda: prepare(
            config.model, texts=lambda: texts_of(rows.train), say=console.print, weights=not config.plan
        )
    )
    check_model(config, base)
    return base


def _train(
    config: TrainConfig,
    run: Run,
    rows: Ingredients,
    base: BaseModel,
    folder: Path,
    console: Console,
    *,
    stored: bool,
    watchers: Sequence[Any],
    stretches: Stretches,
) -> Trained:
    """Look, load and fit. The run is in the store as `running`, and as `failed` where it fails."""
    looked = look(config, rows, base, console, folder)
    config, run.config = looked.config, as_data(looked.config)
    learnt, held_out = looked.learnt, looked.held_out
    run.rows = {"train": len(learnt), "validation": len(held_out)}
    run.metrics = {**_counts(learnt, held_out), "preflight": [asdict(found) for found in looked.findings]}
    checkpoint = processes.from_first(lambda: begin(config, folder, rows, console))
    stretches.go_on_from(checkpoint)
    if processes.is_first():
        write_start(run, base, learnt, held_out, folder)
        parts = {"train": learnt, "validation": held_out}
        run.metrics["rows_digest"] = keep_rows(folder, rows.version, parts)["digest"]
        if stored:
            _keep(config, run, console, patience=AT_START)
    from train.attempt import attempt

    console.print(
        f"Training {run.run_id}: {run.method} on {run.model}, {len(learnt):,} rows", highlight=False
    )
    # Adapters are trained on a base in its own number format; full training keeps float32 weights.
    whole = config.method.name == "full"
    labels = looked.labels
    model = open_directory(
        base.path,
        dtype=type(config.model.dtype).float32 if whole else config.model.dtype,
        attention=config.model.attention,
        shape=Shape(config.task.name, labels, config.seed, config.dropout, config.method.name == "qlora"),
    )
    try:
        return attempt(
            config, run, rows, looked, model, folder, console, checkpoint, by_row=stored, watchers=watchers
        )
    except KeyboardInterrupt:
        from train.fit import last_checkpoint

        last = last_checkpoint(folder)
        words = f"goes on from {last.name}" if last else "starts again, for there is no checkpoint yet"
        console.print(f"Stopped. The same command with resume=true {words}.", highlight=False)
        raise Stopped from None
    except Exception:
        run.status = "failed"
        # What failed first is what counts: on a full disk the store cannot be written either.
        with suppress(Exception):
            if stored and processes.is_first():
                _keep(config, run, console, patience=AT_START)
        raise


def _counts(learnt: Tokenised, held_out: Tokenised) -> dict[str, Any]:
    both = [learnt, held_out]
    reasons = sorted({reason for part in both for reason in part.reasons})
    return {
        **({"labels": learnt.labels} if learnt.labels else {}),
        "tokens": learnt.tokens,
        "supervised_fraction": learnt.supervised / max(learnt.tokens, 1),
        "rows_cut": sum(part.rows_cut for part in both),
        "tokens_cut": sum(part.tokens_cut for part in both),
        "left_out": {reason: sum(part.reasons.get(reason, 0) for part in both) for reason in reasons},
        "validation_supervised": held_out.supervised,
    }


def _new_run(config: TrainConfig, run_id: str, version: str, base: BaseModel, folder: Path) -> Run:
    from train.environment import hardware, packages

    return Run(
        run_id=run_id,
        version=version,
        model=config.model.path or config.model.name,
        method=config.method.name,
        config=as_data(config),
        seed=config.seed,
        packages=packages(),
        hardware=hardware(),
        path=str(folder),
        base_digest=base.digest,
    )


def _finish(
    config: TrainConfig,
    run: Run,
    trained: Trained,
    provenance: Provenance,
    base: BaseModel,
    folder: Path,
    console: Console,
    *,
    stored: bool,
) -> None:
    from train.card import draw_curve, write_card
    from train.page import write_page

    fitted = trained.fitted
    dump(folder / "history.json", fitted.history)
    draw_curve(fitted.history, fitted.best_step, folder)
    write_card(run, provenance, {**asdict(base), "path": str(base.path)}, folder)
    run.status = "done"
    if stored:
        write_page(run, trained.looked, fitted.history, trained.losses, folder, hide=config.allow_unscrubbed)
    dump(folder / "run.json", asdict(run))
    if stored:
        if trained.losses is not None:
            trained.losses.write_parquet(folder / LOSSES)
        _keep(config, run, console, losses=trained.losses)
    if not config.keep_checkpoints:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _keep(
    config: TrainConfig, run: Run, console: Console, *, losses: Any = None, patience: float = AT_END
) -> None:
    """Put the run, and when it is done its facts and losses by row, into the store; wait for it where it is in use."""
    safe = f"The run is done and lies in {run.path}; the same command again puts it into the store."
    safe = safe if run.status == "done" else ""
    with writing(config.store.path, console, patience=patience, safe=safe) as store:
        store.save_run(run)
        if losses is not None:
            store.save_row_losses(run.run_id, losses)
        if run.status == "done":
            store.add_facts(outcome_facts(run))


def losses_in(folder: Path) -> Any:
    """The losses by row that a finished run left in its folder; None where it measured none."""
    import polars as pl

    return pl.read_parquet(folder / LOSSES) if (folder / LOSSES).is_file() else None


def set_threads(config: TrainConfig) -> None:
    """As many CPU threads of torch as the configuration says."""
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)
