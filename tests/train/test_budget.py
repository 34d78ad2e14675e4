"""What the memory forecast decides on a GPU: as few batches a step as fit, and never another step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conf.app import compose
from data.errors import ConfigError
from train.budget import SIZES, as_before, decided
from train.config import TrainConfig
from train.forecast import memory_of
from train.models import BaseModel
from train.run import train
from train.speed import Packing, SpeedConfig, budget
from train.tasks import TaskConfig

Fits = Callable[[TrainConfig, int], bool]
TOKENS = SpeedConfig(packing=Packing.tokens)


@pytest.fixture(scope="module")
def base(trained: Any) -> BaseModel:
    noted = json.loads((Path(trained.run.path) / "base.json").read_text())
    return BaseModel("tiny", Path(noted["path"]), noted["digest"])


@pytest.fixture
def config(trained: Any) -> TrainConfig:
    plain: TrainConfig = trained.config
    return replace(plain, speed=TOKENS, batch_size=32, accumulation=4, task=TaskConfig(max_length=1024))


def within(base: BaseModel, limit: float) -> Fits:
    """Whether the upper end of the forecast is within `limit` bytes."""
    return lambda config, tokens: memory_of(config, base, tokens).high <= limit


@pytest.mark.parametrize("size", SIZES)
def test_the_largest_batch_that_fits_is_taken_and_the_step_stays(
    base: BaseModel, config: TrainConfig, size: int
) -> None:
    limit = memory_of(config, base, size).high
    assert not within(base, limit)(config, 2 * size)
    found = decided(config, within(base, limit), budget(config), 900)
    assert (found.accumulation, budget(found)) == (131_072 // size, size)
    assert found.gradient_checkpointing is False
    assert replace(
        found, accumulation=4, speed=TOKENS, gradient_checkpointing=config.gradient_checkpointing
    ) == replace(config)


@pytest.mark.parametrize(
    ("rows", "length", "accumulation"), [(1, 512, 1), (8, 1024, 1), (5, 999, 3), (64, 4096, 7)]
)
@pytest.mark.parametrize("room", [4_096, 16_384, 131_072])
def test_a_step_sees_what_it_would_have_seen(
    config: TrainConfig, rows: int, length: int, accumulation: int, room: int
) -> None:
    asked = replace(config, batch_size=rows, accumulation=accumulation, task=TaskConfig(max_length=length))
    found = decided(asked, lambda _, tokens: tokens <= room, budget(asked), length)
    step = rows * length * accumulation
    assert step <= found.accumulation * budget(found) < step + found.accumulation or budget(found) == length
    assert budget(found) <= room
    assert budget(found) >= length


def test_activations_are_recomputed_only_where_memory_would_not_suffice(
    base: BaseModel, config: TrainConfig
) -> None:
    saved = replace(config, gradient_checkpointing=True)
    limit = memory_of(saved, base, SIZES[-1]).high
    assert not within(base, limit)(config, SIZES[-1])
    found = decided(config, within(base, limit), budget(config), 900)
    assert (found.gradient_checkpointing, budget(found)) == (True, SIZES[-1])
    never = decided(replace(config, gradient_checkpointing=False), within(base, limit), budget(config), 900)
    assert (never.gradient_checkpointing, budget(never)) == (False, SIZES[-1])  # the forecast refuses it
    rows = replace(config, speed=SpeedConfig(), batch_size=8)
    assert decided(rows, within(base, limit), SIZES[-1], 900) == replace(rows, gradient_checkpointing=True)
    plenty = decided(rows, within(base, 1e15), SIZES[-1], 900)
    assert plenty == replace(rows, gradient_checkpointing=False)


def test_a_number_that_was_given_stays(config: TrainConfig) -> None:
    given = replace(config, speed=SpeedConfig(packing=Packing.tokens, batch_tokens=5_000))
    found = decided(given, lambda *_: True, budget(given), 900)
    assert (budget(found), found.accumulation) == (5_000, 4)


def test_a_run_goes_on_with_what_was_decided_when_it_began(config: TrainConfig, tmp_path: Path) -> None:
    assert as_before(replace(config, resume="true"), tmp_path) is None  # there is no run
    noted = {"accumulation": 2, "gradient_checkpointing": True, "speed": {"batch_tokens": 65_536}}
    (tmp_path / "config.json").write_text(json.dumps(noted))
    assert as_before(config, tmp_path) is None
    again = as_before(replace(config, resume="true"), tmp_path)
    assert again is not None
    assert (budget(again), again.accumulation, again.gradient_checkpointing) == (65_536, 2, True)
    rows = as_before(
        replace(config, resume="true", speed=SpeedConfig(), gradient_checkpointing=False), tmp_path
    )
    assert rows is not None
    assert (rows.accumulation, rows.gradient_checkpointing) == (4, False)


def test_a_cpu_takes_the_batches_as_they_are(
    settings: Callable[..., TrainConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(settings(tmp_path, plan=True, speed=TOKENS, task=TaskConfig(max_length=256))) == 0
    assert "A step is one batch of 2,048 tokens." in capsys.readouterr().err


def test_how_it_is_typed() -> None:
    tokens = "speed.packing=tokens"
    assert compose("train", TrainConfig, [tokens]).speed.batch_tokens == "auto"
    assert compose("train", TrainConfig, [tokens, "speed.batch_tokens=auto"]).speed.batch_tokens == "auto"
    assert compose("train", TrainConfig, [tokens, "speed.batch_tokens=32768"]).speed.batch_tokens == 32_768
    with pytest.raises(ConfigError, match="batch_tokens=much is neither auto nor within 64"):
        compose("train", TrainConfig, [tokens, "speed.batch_tokens=much"])
