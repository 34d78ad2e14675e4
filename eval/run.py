"""What `python -m eval` does: ask, score, compare, store, report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data.evaluations import Evaluation
from data.progress import progress
from data.runs import Run
from data.store import Store
from eval.classify import ask_labels, baselines, classes_of, merged
from eval.config import EvalConfig
from eval.facts import answers_of, facts_of
from eval.harness import known_tasks, run_suite
from eval.identity import command, file_digests, identity_of, packages, subject_of
from eval.items import Item, Slice, file_slice, items_of, split_slice
from eval.models import ask_both
from eval.nearest import copy_nearest
from eval.perplexity import perplexity
from eval.predictions import read_predictions
from eval.report import report_of
from eval.result import Result
from eval.scores import Scored, score
from eval.suite import suite_scores
from eval.suited import suited
from eval.tally import Tally
from eval.task_scores import TaskScore
from eval.terminal import show
from train.load import task_of
from train.tasks import Task


@dataclass(slots=True)
class Spoken:
    """What one model said: by slice name its answers, how many ended at the limit, and its perplexity; the suite."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    perplexity: dict[str, Tally] = field(default_factory=dict)
    suite: list[TaskScore] = field(default_factory=list)


def run(config: EvalConfig) -> int:
    """Evaluate a run, or score a file where `predictions.path` is set. Returns the exit code."""
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)
    result = score_file(config) if config.predictions.path else evaluate(config)
    show(result, keep(result))
    return 0


def evaluate(config: EvalConfig) -> Result:
    """Base against tuned on the run's held-out items and every further slice."""
    with Store.open(config.store.path, read_only=True) as store:
        tuned = store.run(config.run)
        version = store.resolve(config.version or tuned.version)
        slices = [split_slice(store.read(version), config.split, config.limit)]
        training, _ = items_of(store.read(tuned.version), "train")
    config = suited(config, tuned)
    if config.suite.tasks:
        known_tasks(config.suite)  # a wrong name fails now, not after the answers
    slices += [file_slice(extra.name, extra.path, config.limit) for extra in config.extra_files]
    if task_of(tuned) is Task.classify:
        size = config.generation.batch_size
        labels = ask_both(tuned, lambda role, model, tok: ask_labels(role, model, tok, slices, tuned, size))
        scored = [_labelled(items, labels, training, tuned, config) for items in slices]
        spoken: dict[str, Spoken] = {}
    else:
        spoken = ask_both(tuned, lambda role, model, tokenizer: ask(role, model, tokenizer, slices, config))
        scored = [_scored(items, spoken, training, config) for items in slices]
    by_role = {role: said.suite for role, said in spoken.items() if said.suite}
    suite = suite_scores(config.suite.name, by_role, config.bootstrap) if by_role else None
    identity = identity_of(config, tuned.run_id, tuned.weights_digest, version, *file_digests(config))
    evaluation = Evaluation(
        evaluation_id=identity,
        run=tuned.run_id,
        version=version,
        config=asdict(config),
        path=config.out or f"runs/eval/{identity}",
    )
    return Result(
        evaluation=evaluation,
        config=config,
        slices=scored,
        suite=suite,
        facts=facts_of(identity, scored, suite, config.bootstrap),
        subject=subject_of(config, tuned, version),
        command=command(config, f"run={tuned.run_id}"),
    )


def score_file(config: EvalConfig) -> Result:
    """The predictions of a file, against its baseline where it has one."""
    path = Path(str(config.predictions.path))
    found = read_predictions(config.predictions, config.limit)
    scored = score(found.items, found.answers, config.metrics, config.bootstrap)
    sha256 = hashlib.sha256(path.expanduser().read_bytes()).hexdigest()
    identity = identity_of(config, sha256)
    evaluation = Evaluation(
        evaluation_id=identity,
        run=None,
        version=None,
        config=asdict(config),
        path=config.out or f"runs/eval/{identity}",
    )
    return Result(
        evaluation=evaluation,
        config=config,
        slices=[scored],
        suite=None,
        facts=facts_of(identity, [scored], None, config.bootstrap),
        subject={
            "file": path.name,
            "SHA-256": sha256,
            "items": f"{len(found.items.items):,}",
            **packages(config),
        },
        command=command(config, f"predictions.path={path}"),
    )


def ask(role: str, model: Any, tokenizer: Any, slices: Sequence[Slice], config: EvalConfig) -> Spoken:
    """Put every slice's prompts, references and the suite to one model."""
    from train.answers import answers

    said = Spoken()
    settings = config.generation
    for items in slices:
        count = len(items.items)
        with progress(f"Answers of {role}, {items.name}", total=count) as advance:
            said.answers[items.name] = answers(
                model,
                tokenizer,
                [item.prompt for item in items.items],
                max_new_tokens=settings.max_new_tokens,
                batch_size=settings.batch_size,
                temperature=settings.temperature,
                seed=settings.seed,
                advance=advance,
            )
        lengths = [len(tokenizer.encode(text, add_special_tokens=False)) for text in said.answers[items.name]]
        # The end-of-turn token is not in the text, and stripped white space may hide one more.
        said.cut[items.name] = sum(length >= settings.max_new_tokens - 1 for length in lengths)
        if "perplexity" in config.metrics:
            with progress(f"Perplexity of {role}, {items.name}", total=count) as advance:
                said.perplexity[items.name] = perplexity(
                    model, tokenizer, items.items, batch_size=settings.batch_size, advance=advance
                )
    if config.suite.tasks:
        said.suite = run_suite(model, tokenizer, config.suite, slices[0].items)
    return said


def keep(result: Result) -> dict[str, Path]:
    """Store the evaluation, its answers and facts, and write report and answers; returns the files by kind.

    Each slice's answers are also a file that `python -m eval predictions.path=` scores to the same numbers.
    """
    with Store.open(result.config.store.path) as store:
        store.save_evaluation(result.evaluation, answers_of(result.slices, result.suite))
        store.add_facts(result.facts)
    folder = Path(result.evaluation.path)
    paths = report_of(result).write(folder, "evaluation")
    if result.evaluation.run is not None:
        for scored in result.slices:
            name = f"answers {scored.slice.name}" if len(result.slices) > 1 else "answers"
            paths[name] = _write_answers(scored, folder / f"answers_{scored.slice.name}.jsonl")
    return paths


def _write_answers(scored: Scored, path: Path) -> Path:
    rows = [
        {
            "id": item.id,
            "prompt": item.question,
            "prediction": scored.answers["tuned"][number],
            "baseline": scored.answers["base"][number],
            "references": item.references,
        }
        for number, item in enumerate(scored.slice.items)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _scored(items: Slice, spoken: Mapping[str, Spoken], training: list[Item], config: EvalConfig) -> Scored:
    answers = {role: said.answers[items.name] for role, said in spoken.items()}
    notes: dict[str, list[str]] = {}
    if config.copy_nearest and training:
        copied = copy_nearest(training, items.items)
        answers["copy_nearest"] = [text for text, _, _ in copied]
        notes["copy_nearest"] = [f"record {record}, cosine {cosine:.2f}" for _, record, cosine in copied]
    known = {_plain(item.question) for item in training}
    return score(
        items,
        answers,
        config.metrics,
        config.bootstrap,
        of_models={
            role: {"perplexity": said.perplexity[items.name]}
            for role, said in spoken.items()
            if items.name in said.perplexity
        },
        seen=[item.id for item in items.items if _plain(item.question) in known],
        notes=notes,
        cut={role: said.cut[items.name] for role, said in spoken.items()},
    )


def _labelled(
    items: Slice,
    labels: Mapping[str, Mapping[str, list[str]]],
    training: list[Item],
    run: Run,
    config: EvalConfig,
) -> Scored:
    said = {role: by_slice[items.name] for role, by_slice in labels.items()}
    known = {_plain(item.question) for item in training}
    return score(
        items,
        merged(said, baselines(training, items, run)),
        config.metrics,
        config.bootstrap,
        seen=[item.id for item in items.items if _plain(item.question) in known],
        classes=classes_of(items, run),
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
