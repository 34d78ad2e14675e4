"""Packing is a key of its own: it changes how fast a training is and not what is learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.errors import ConfigError
from data.store import Store
from train.config import TaskConfig, TrainConfig
from train.speed import Packing, SpeedConfig


def losses(config: TrainConfig) -> dict[int, float]:
    """Validation loss by step of the run that `config` makes."""
    from train.run import train

    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        folder = Path(store.run("latest").path)
    history = json.loads((folder / "history.json").read_text())
    return {entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry}


@pytest.fixture
def quick(settings: Callable[..., TrainConfig], tmp_path: Path) -> Callable[..., TrainConfig]:
    def make(name: str, **changes: Any) -> TrainConfig:
        return settings(tmp_path / name, row_losses=0, **changes)

    return make


def test_packed_rows_train_like_padded_ones(quick: Callable[..., TrainConfig]) -> None:
    still = {"method": quick("x").method.__class__(r=8, alpha=16, dropout=0.0)}  # dropout draws by shape
    padded = losses(quick("padded", speed=SpeedConfig(packing=Packing.off), **still))
    packed = losses(quick("packed", speed=SpeedConfig(packing=Packing.rows), **still))
    assert packed.keys() == padded.keys()
    assert list(packed.values()) == pytest.approx(list(padded.values()), abs=2e-3)
    assert packed[max(packed)] < packed[0] - 0.5


def test_batches_of_tokens_make_fewer_steps_an_epoch(quick: Callable[..., TrainConfig]) -> None:
    few = quick("few", steps=None, epochs=1, speed=SpeedConfig(packing=Packing.tokens, batch_tokens=600))
    many = quick("many", steps=None, epochs=1, batch_size=2)
    assert max(losses(few)) < max(losses(many))


@pytest.mark.parametrize("key", ["neftune_alpha", "method"])
def test_what_cannot_be_packed_is_said(quick: Callable[..., TrainConfig], key: str) -> None:
    from train.run import train

    changes: dict[str, Any] = {"neftune_alpha": 5.0}
    if key == "method":
        changes = {
            "method": quick("x").method.__class__(name="prompt", tokens=4),
            "task": TaskConfig(max_length=512),
        }
    with pytest.raises(ConfigError, match=key):
        train(quick("refused", speed=SpeedConfig(packing=Packing.tokens), **changes))


def test_batch_tokens_without_packing_by_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"speed\.packing=tokens"):
        SpeedConfig(batch_tokens=4096)
    with pytest.raises(ConfigError, match="64 to"):
        SpeedConfig(packing=Packing.tokens, batch_tokens=8)
