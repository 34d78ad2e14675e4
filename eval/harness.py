"""lm-evaluation-harness as a library: local task files, our model in memory, every item's result kept.

The harness's own comparison of two models is an unpaired z-test of two aggregates. Here its per-item results become
tallies, so that base and tuned are compared on the same items (McNemar where an item is right or wrong).
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import version
from math import log
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from data.errors import ConfigError, SourceError, closest
from eval.bootstrap import Interval
from eval.config import BootstrapConfig, SuiteConfig
from eval.items import Item, json_lines
from eval.tally import Floats, Tally, mean_tally, ratio

TASKS = Path(__file__).parent / "tasks"
BITS = "bits_per_byte"
SEED = 1234  # of few-shot examples, the harness's own default
RESAMPLES = 1000  # for the standard errors of metrics that have no formula


@dataclass(frozen=True, slots=True)
class TaskItem:
    """What one document of a task gave: ids are the document's `id`, else its number."""

    id: str
    prompt: str
    prediction: str
    reference: str


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One metric of one task for one role.

    value, stderr  as the harness states them; stderr None where it gives none
    tally          per-item statistics; None for a metric that is not a mean over items
    right_or_wrong whether every item scored 0 or 1
    """

    task: str
    metric: str
    value: float
    stderr: float | None
    n: int
    higher_is_better: bool
    tally: Tally | None
    right_or_wrong: bool
    items: list[TaskItem]
    signature: str

    def interval(self, config: BootstrapConfig) -> Interval | None:
        """value +- z stderr, inside 0 to 1 for a fraction."""
        if self.stderr is None:
            return None
        reach = NormalDist().inv_cdf((1 + config.level) / 2) * self.stderr
        low, high = self.value - reach, self.value + reach
        if self.right_or_wrong:
            low, high = max(low, 0.0), min(high, 1.0)
        return Interval(low, high, config.level)


def run_suite(
    model: Any, tokenizer: Any, config: SuiteConfig, store_items: Sequence[Item]
) -> list[TaskScore]:
    """Ask `model` every task of the suite. `store_items` are what `suite.data.<task>=store` reads."""
    from lm_eval import evaluate
    from lm_eval.models.huggingface import HFLM

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    tasks = load_tasks(config, documents_of(config, tokenizer, store_items))
    for task in tasks.values():
        task.set_fewshot_seed(SEED)
        if task.get_config("num_fewshot") is None:
            task.set_config("num_fewshot", 0)
    with _quiet():
        # Not simple_evaluate: it asks git for the version of the folder it is started in.
        found = evaluate(
            lm=HFLM(pretrained=model, tokenizer=tokenizer, batch_size=config.batch_size),
            task_dict={"tasks": tasks, "groups": {}, "group_map": {}},
            limit=config.limit,
            bootstrap_iters=RESAMPLES,
            apply_chat_template=config.chat,
        )
    assert found is not None  # None only on other ranks of a distributed run
    return [score for name in tasks for score in _scores(name, tasks[name], found, config)]


def documents_of(
    config: SuiteConfig, tokenizer: Any, store_items: Sequence[Item]
) -> dict[str, list[dict[str, Any]]]:
    """task -> its documents, for the tasks that `suite.data` names."""
    from train.chat import render

    found: dict[str, list[dict[str, Any]]] = {}
    for task, source in config.data.items():
        if source == "store":
            found[task] = [
                {
                    "id": item.id,
                    "prompt": render(tokenizer, item.prompt, ask=True),
                    "answer": item.references[0],
                }
                for item in store_items
            ]
        else:
            rows = json_lines(source, f"suite.data.{task}")
            found[task] = [{"id": f"line {line}", **row} for line, row in rows]
    return found


def known_tasks(config: SuiteConfig) -> Any:
    """The harness's task manager for the suite's folder.

    Raises ConfigError for a folder or task that does not exist, SourceError for a file that is not there.
    """
    from lm_eval.tasks import TaskManager

    folder = TASKS / config.folder
    if not config.folder or not folder.is_dir():
        raise ConfigError(
            f"suite.folder={config.folder!r} is not a folder of task YAML files",
            f"folders in eval/tasks: {', '.join(sorted(p.name for p in TASKS.iterdir() if p.is_dir()))}",
            "or give the full path of a folder of your own",
        )
    manager = TaskManager(include_defaults=False, include_path=str(folder))
    for key, names in (("suite.tasks", config.tasks), ("suite.data", config.data)):
        for name in names:
            if name not in manager.all_tasks:
                raise ConfigError(
                    f"{key}: no task '{name}' in {config.folder}", closest(name, manager.all_tasks)
                )
    for task, path in config.data.items():
        if path != "store" and not Path(path).expanduser().is_file():
            raise SourceError(f"{path}: no such file", f"set suite.data.{task} to a JSONL file, or to store")
    return manager


def load_tasks(config: SuiteConfig, documents: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The task objects by name, with `documents` in place of what their files would load."""
    from datasets import Dataset
    from lm_eval.tasks._yaml_loader import load_yaml

    manager = known_tasks(config)

    def source(rows: list[dict[str, Any]]) -> Any:
        return lambda **_: {"test": Dataset.from_list(rows)}

    specs: list[Any] = [
        {**load_yaml(_file(manager, name)), "custom_dataset": source(documents[name])}
        if name in documents
        else name
        for name in config.tasks
    ]
    loaded: dict[str, Any] = dict(manager.load(specs)["tasks"])
    return loaded


def answer_bits(
    doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]
) -> dict[str, tuple[float, int]]:
    """For task files: log-likelihood of a document's `answer`, with its bytes, for `bits_per_byte`.

    Unlike perplexity by token it compares models with different tokenizers.
    """
    return {BITS: (results[0][0], len(doc["answer"].encode()))}


def _scores(name: str, task: Any, found: Mapping[str, Any], config: SuiteConfig) -> list[TaskScore]:
    samples = found["samples"][name]
    first_filter = samples[0]["filter"] if samples else "none"
    samples = sorted((s for s in samples if s["filter"] == first_filter), key=lambda s: int(s["doc_id"]))
    results = found["results"][name]
    items = [_item(task, sample) for sample in samples]
    scores = []
    for metric, upwards in found["higher_is_better"][name].items():
        value = results.get(f"{metric},{first_filter}")
        if not isinstance(value, int | float):
            continue
        stderr = results.get(f"{metric}_stderr,{first_filter}")
        signature = "|".join(
            (
                metric,
                f"task:{name}",
                f"v:{found['versions'].get(name)}",
                f"shots:{found['n-shot'].get(name, 0)}",
                f"chat:{'yes' if config.chat else 'no'}",
                f"lm-eval:{version('lm-eval')}",
            )
        )
        each = [sample.get(metric) for sample in samples]
        tally = _tally(f"{name}/{metric}", each, float(value), signature)
        scores.append(
            TaskScore(
                task=name,
                metric=metric,
                value=float(value),
                stderr=float(stderr) if isinstance(stderr, int | float) and np.isfinite(stderr) else None,
                n=len(samples),
                higher_is_better=bool(upwards),
                tally=tally,
                right_or_wrong=all(one in (0, 1) for one in each),
                items=items,
                signature=signature,
            )
        )
    return scores


def _tally(name: str, each: Sequence[Any], value: float, signature: str) -> Tally | None:
    """The tally that gives back the harness's own `value`, or None where neither kind of mean does."""
    if each and all(isinstance(one, int | float | np.number) for one in each):
        mean = mean_tally(name, [float(one) for one in each], signature)
        return mean if abs(mean.value - value) < 1e-9 else None
    if each and all(isinstance(one, tuple | list) and len(one) == 2 for one in each):
        statistics = np.array([[-one[0] / log(2), one[1]] for one in each], dtype=np.float64)
        bits = Tally(name, statistics, ratio, signature, float(ratio(statistics.sum(axis=0))))
        return bits if abs(bits.value - value) < 1e-9 else None
    return None


def _file(manager: Any, task: str) -> Path:
    return Path(manager.task_index[task].yaml_path)


def _item(task: Any, sample: Mapping[str, Any]) -> TaskItem:
    doc = sample["doc"]
    responses = sample["filtered_resps"]
    choices = task.doc_to_choice(doc) if task.OUTPUT_TYPE == "multiple_choice" else None
    target = sample["target"]
    if choices:
        scores: Floats = np.array([response[0] for response in responses], dtype=np.float64)
        prediction = str(choices[int(scores.argmax())])
        reference = str(choices[int(target)]) if str(target).isdigit() else str(target)
    else:
        prediction = responses[0] if isinstance(responses[0], str) else ""
        reference = str(target)
    identity = str(doc.get("id", sample["doc_id"]))
    return TaskItem(identity, str(task.doc_to_text(doc)), prediction, reference)


def _quiet() -> AbstractContextManager[Any]:
    """The harness draws its own progress bars: wanted on a terminal, noise in a log."""
    return nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO())
