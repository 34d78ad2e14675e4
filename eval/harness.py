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
from pathlib import Path
from typing import Any

from data.errors import ConfigError, SourceError, closest
from eval.config import SuiteConfig
from eval.items import Item, json_lines
from eval.task_scores import TaskScore, task_scores

TASKS = Path(__file__).parent / "tasks"
BITS = "bits_per_byte"
SEED = 1234  # of few-shot examples, the harness's own default
RESAMPLES = 1000  # for the standard errors of metrics that have no formula


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
    return [score for name in tasks for score in task_scores(name, tasks[name], found, chat=config.chat)]


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


def _file(manager: Any, task: str) -> Path:
    return Path(manager.task_index[task].yaml_path)


def _quiet() -> AbstractContextManager[Any]:
    """The harness draws its own progress bars: wanted on a terminal, noise in a log."""
    return nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO())
