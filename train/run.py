"""`python -m train`: checks, training, and everything that a run leaves behind."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from data.errors import ConfigError
from data.progress import progress
from data.records import Records, canonical_json, digest
from data.runs import Run
from data.store import Store
from train.card import Provenance
from train.closing import closing_table, outcome_facts
from train.config import TrainConfig, as_data, what_matters
from train.folder import dump, finished, write_start, write_weights
from train.models import BaseModel, open_directory, open_tokenizer, prepare, torch_dtype
from train.preflight import check_rows, check_scrubbed, check_supervision, remarks, show
from train.rows import Tokenised, rows_of, texts_of, tokenise

if TYPE_CHECKING:
    from train.fit import Fitted


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What is read from the store before it is closed again: a training must not hold its lock."""

    version: str
    train: Any
    validation: Any
    provenance: Provenance


def train(config: TrainConfig) -> int:
    """Train as `config` says, keep the Run, print the closing table. Raises UserError before any compute is spent."""
    console = Console(stderr=True)
    began = time.perf_counter()
    _set_threads(config)
    ingredients = _gather(config)
    base = prepare(config.model, texts=lambda: texts_of(ingredients.train), say=console.print)
    run_id = "run-" + digest(
        canonical_json([ingredients.version, what_matters(config), base.digest]), hex_digits=12
    )
    folder = Path(config.out).resolve() / run_id
    done = None if config.force else finished(folder)
    if done is not None:
        console.print(
            f"{run_id} is done already: same version, settings and base model (force=true trains again)."
        )
        _keep(config, done)
        Console().print(closing_table(done))
        return 0
    run = _new_run(config, run_id, ingredients.version, base, folder)
    fitted, tokenizer = _train(config, run, ingredients, base, folder, console)
    write_weights(run, fitted, tokenizer, folder)
    run.metrics["seconds"] = round(time.perf_counter() - began, 1)
    _finish(config, run, fitted, ingredients.provenance, base, folder)
    Console().print(closing_table(run))
    return 0


def _gather(config: TrainConfig) -> Ingredients:
    """Read rows and lineage, and make the checks that need no model."""
    with Store.open(config.store.path, read_only=True) as store:
        version = store.resolve(config.version)
        lineage = store.lineage(version)
        check_scrubbed(version, [v.stage for v in lineage], config.allow_unscrubbed)
        records: Records = store.read(version)
        counts = dict(records.frame("split").group_by("split").len().sort("split").collect().iter_rows())
        check_rows(version, counts)
        chain = [v.version for v in lineage]
        removed = store.query(
            """SELECT v.stage, d.reason, count(*) AS records FROM verdicts d JOIN versions v USING (version)
            WHERE d.action = 'drop' AND list_contains($1, d.version) GROUP BY ALL ORDER BY ALL""",
            [chain],
        )
        licences = (
            records.frame("split", "licence")
            .filter(split="train")
            .group_by("licence")
            .len()
            .sort("licence")
            .collect()
        )
        provenance = Provenance(lineage, list(removed.iter_rows()), dict(licences.iter_rows()))
        train_rows = rows_of(records, "train", config.train_rows)
        return Ingredients(
            version, train_rows, rows_of(records, "validation", config.validation_rows), provenance
        )


def _train(
    config: TrainConfig, run: Run, rows: Ingredients, base: BaseModel, folder: Path, console: Console
) -> tuple[Fitted, Any]:
    """Tokenise, check, load and fit. The run is in the store as `running`, and as `failed` where it fails."""
    tokenizer = open_tokenizer(base.path, config.model.chat_template)
    with progress("Tokenising", total=rows.train.height + rows.validation.height) as advance:
        learnt = tokenise(rows.train, tokenizer, config.task.max_length, advance)
        held_out = tokenise(rows.validation, tokenizer, config.task.max_length, advance)
    check_supervision(rows.version, learnt)
    _check_room(config, base, learnt, held_out)
    for remark in remarks(learnt, held_out, config.allow_unscrubbed):
        console.print(f"note: {remark}", highlight=False, soft_wrap=True)
    show(console, learnt, tokenizer, hide=config.allow_unscrubbed)
    run.rows = {"train": len(learnt), "validation": len(held_out)}
    run.metrics = _counts(learnt, held_out)
    checkpoint = _begin(config, folder, console)
    write_start(run, base, learnt, held_out, folder)
    _keep(config, run)
    from train.fit import fit

    console.print(
        f"Training {run.run_id}: {run.method} on {run.model}, {len(learnt):,} rows", highlight=False
    )
    # Adapters are trained on a base in its own number format; full training keeps float32 weights.
    whole = config.method.name == "full"
    model = open_directory(
        base.path,
        dtype=type(config.model.dtype).float32 if whole else config.model.dtype,
        attention=config.model.attention,
    )
    try:
        return fit(config, model, tokenizer, learnt, held_out, folder, console, checkpoint), tokenizer
    except KeyboardInterrupt:
        console.print("Stopped. The same command with resume=true goes on from the last checkpoint.")
        raise
    except Exception:
        run.status = "failed"
        _keep(config, run)
        raise


def _check_room(config: TrainConfig, base: BaseModel, learnt: Tokenised, held_out: Tokenised) -> None:
    from train.estimate import available_memory, check_room, need

    wanted = need(
        base.path,
        config.method,
        batch_tokens=config.batch_size * max(learnt.longest, held_out.longest),
        bytes_per_weight=4 if config.method.name == "full" else torch_dtype(config.model.dtype).itemsize,
        gradient_checkpointing=config.gradient_checkpointing,
    )
    check_room(wanted, available_memory(), Path(config.out), allow_low_memory=config.allow_low_memory)


def _counts(learnt: Tokenised, held_out: Tokenised) -> dict[str, Any]:
    both = [learnt, held_out]
    reasons = sorted({reason for part in both for reason in part.reasons})
    return {
        "tokens": learnt.tokens,
        "supervised_fraction": learnt.supervised / max(learnt.tokens, 1),
        "rows_cut": sum(part.rows_cut for part in both),
        "tokens_cut": sum(part.tokens_cut for part in both),
        "left_out": {reason: sum(part.reasons.get(reason, 0) for part in both) for reason in reasons},
        "validation_supervised": held_out.supervised,
    }


def _begin(config: TrainConfig, folder: Path, console: Console) -> Path | None:
    """The checkpoint to go on from, or None after clearing what an earlier attempt left."""
    from train.fit import last_checkpoint

    last = last_checkpoint(folder)
    if config.resume == "true":
        words = f"Going on from {last.name}." if last else "No checkpoint yet: starting from the beginning."
        console.print(words, highlight=False)
        return last
    if config.resume != "false":
        chosen = Path(config.resume).resolve()
        if not (chosen / "trainer_state.json").is_file():
            raise ConfigError(
                f"resume={config.resume} is no complete checkpoint: it holds no trainer_state.json",
                "allowed: true (the last checkpoint of the same settings), false, a checkpoint's folder",
            )
        return chosen
    if last is not None:
        console.print(
            f"note: starting again; resume=true would have gone on from {last.name}.", highlight=False
        )
    shutil.rmtree(folder, ignore_errors=True)
    return None


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
    config: TrainConfig, run: Run, fitted: Fitted, provenance: Provenance, base: BaseModel, folder: Path
) -> None:
    from train.card import draw_curve, write_card

    dump(folder / "history.json", fitted.history)
    draw_curve(fitted.history, fitted.best_step, folder)
    write_card(run, provenance, {**asdict(base), "path": str(base.path)}, folder)
    run.status = "done"
    dump(folder / "run.json", asdict(run))
    _keep(config, run)
    if not config.keep_checkpoints:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _keep(config: TrainConfig, run: Run) -> None:
    """Put the run, and when it is done its facts, into the store."""
    with Store.open(config.store.path) as store:
        store.save_run(run)
        if run.status == "done":
            store.add_facts(outcome_facts(run))


def _set_threads(config: TrainConfig) -> None:
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)
