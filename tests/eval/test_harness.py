"""Tasks of lm-evaluation-harness on a model in memory, item by item."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conf.app import compose
from data.errors import ConfigError, SourceError
from data.store import Store
from eval.compare import Conclusion
from eval.config import BootstrapConfig, EvalConfig, SuiteConfig
from eval.harness import known_tasks, run_suite
from eval.items import Item, split_slice
from eval.suite import suite_scores
from eval.task_scores import TaskScore
from train.load import load_tuned

from .conftest import FOODS, PLACES


def questions(path: Path, count: int = 24) -> Path:
    """Multiple choice whose right answers follow the frame that was trained."""
    rows = []
    for n in range(count):
        place, food = PLACES[n % len(PLACES)], FOODS[n % len(FOODS)]
        wrong = [f"{food} {place} come", f"for for {food}", f"{place}? no"]
        choices = [*wrong[: n % 4], f"Come to the {place} for {food}!", *wrong[n % 4 :]]
        rows.append({"question": f"Shop {n}: {food} at the {place}", "choices": choices, "answer": n % 4})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def models(trained: Path) -> Iterator[tuple[Any, Any, list[Item]]]:
    with Store.open(trained / "store.duckdb", read_only=True) as store:
        run = store.run("latest")
        items = split_slice(store.read(run.version), "test", None).items
    yield (*load_tuned(run), items)


def test_multiple_choice_is_the_harness_own_score_with_every_item(models: Any, tmp_path: Path) -> None:
    model, tokenizer, _ = models
    file = questions(tmp_path / "q.jsonl")
    config = SuiteConfig(name="demo", folder="demo", tasks=["demo_facts"], data={"demo_facts": str(file)})
    tuned = run_suite(model, tokenizer, config, [])
    with model.disable_adapter():
        base = run_suite(model, tokenizer, config, [])
    score = next(one for one in tuned if one.metric == "acc")
    right = [item.prediction == item.reference for item in score.items]
    assert score.n == 24 and score.value == np.mean(right)
    assert score.tally is not None and list(score.tally.items) == right
    assert score.items[5].reference == "Come to the museum for bread!" and score.items[5].id == "line 6"
    # The harness's standard error of a mean, and the interval made of it.
    assert score.stderr is not None and score.stderr == pytest.approx(np.std(right, ddof=1) / math.sqrt(24))
    span = score.interval(BootstrapConfig())
    assert span is not None and span.high - span.low == pytest.approx(2 * 1.959964 * score.stderr, rel=1e-6)
    compared = suite_scores("demo", {"base": base, "tuned": tuned}, BootstrapConfig())
    found = compared.comparisons["demo_facts", "acc"]
    assert (found.method, found.n) == ("McNemar exact", 24)
    assert found.difference == pytest.approx(score.value - next(o for o in base if o.metric == "acc").value)


def test_the_store_task_measures_bits_per_byte_of_the_reference_answers(models: Any) -> None:
    import torch

    from train.chat import prompt_ids

    model, tokenizer, items = models
    config = SuiteConfig(name="s", folder="store_test", tasks=["store_test"], data={"store_test": "store"})
    (score,) = run_suite(model, tokenizer, config, items)
    nats, size = 0.0, 0
    (line_break,) = tokenizer.encode("\n")
    for item in items:
        # The harness scores white space before a continuation with it: here the line break that opens the turn.
        *prompt, last = prompt_ids(tokenizer, item.prompt)
        assert last == line_break
        answer = [line_break, *tokenizer.encode(item.references[0])]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        nats -= torch.log_softmax(logits, -1)[range(len(answer)), answer].sum().item()
        size += len(item.references[0].encode())
    assert score.metric == "bits_per_byte" and not score.higher_is_better
    assert score.value == pytest.approx(nats / size / math.log(2), rel=1e-4)
    assert score.tally is not None and score.tally.value == pytest.approx(score.value)
    assert [item.id for item in score.items] == [item.id for item in items]
    with model.disable_adapter():
        base = run_suite(model, tokenizer, config, items)
    compared = suite_scores("s", {"base": base, "tuned": [score]}, BootstrapConfig())
    assert compared.comparisons["store_test", "bits_per_byte"].conclusion is Conclusion.better


def test_limit_asks_fewer_documents(models: Any, tmp_path: Path) -> None:
    model, tokenizer, items = models
    data = {"store_test": "store"}
    config = SuiteConfig(name="s", folder="store_test", tasks=["store_test"], data=data, limit=3)
    scores: list[TaskScore] = run_suite(model, tokenizer, config, items)
    assert [score.n for score in scores] == [3]


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"folder": "nowhere"}, ConfigError, "suite.folder='nowhere'"),
        ({"tasks": ["demo_fact"]}, ConfigError, "suite.tasks: no task 'demo_fact'"),
        ({"data": {"other": "x"}}, ConfigError, "suite.data: no task 'other'"),
        ({"data": {"demo_facts": "absent.jsonl"}}, SourceError, "absent.jsonl: no such file"),
    ],
)
def test_a_wrong_suite_is_refused_before_anything_is_asked(changes: Any, kind: Any, words: str) -> None:
    config = SuiteConfig(**{"name": "demo", "folder": "demo", "tasks": ["demo_facts"], **changes})
    with pytest.raises(kind, match=words):
        known_tasks(config)


@pytest.mark.parametrize("suite", ["none", "demo", "store_test"])
def test_every_suite_composes_and_its_tasks_exist(suite: str) -> None:
    config = compose("eval", EvalConfig, [f"suite={suite}"]).suite
    assert config.name == suite
    if suite != "none":
        assert set(config.tasks) <= set(known_tasks(SuiteConfig(**{**_plain(config), "data": {}})).all_tasks)


def _plain(config: SuiteConfig) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(config)
