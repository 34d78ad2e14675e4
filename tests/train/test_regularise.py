"""Every key against overfitting changes the weights, in the direction that it promises."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from data.errors import ConfigError
from data.runs import Run
from train.config import TrainConfig
from train.ingredients import gather
from train.methods import MethodConfig
from train.run import learn


def learnt(config: TrainConfig) -> Run:
    return learn(config, gather(config), Console(file=io.StringIO()), stored=False)


def weights(run: Run) -> dict[str, Any]:
    from safetensors.numpy import load_file

    folder = Path(run.path)
    file = next(path for name in ("model", "adapter") for path in folder.glob(f"{name}/*.safetensors"))
    return dict(load_file(file))


SMALL = {"steps": 4, "eval_steps": 4}
FULL, LORA = MethodConfig(name="full"), MethodConfig(name="lora", r=4, alpha=8.0, dropout=0.0)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, labels: Callable[..., TrainConfig]) -> dict[str, Run]:
    """Four steps without any of the keys, by method."""
    out = tmp_path_factory.mktemp("plain")
    quick = {**SMALL, "weight_decay": 0.0}
    return {method.name: learnt(labels(out, method=method, **quick)) for method in (FULL, LORA)}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory, settings: Callable[..., TrainConfig]) -> Run:
    """Four steps of a decoder without any of the keys."""
    return learnt(settings(tmp_path_factory.mktemp("decoder"), method=LORA, row_losses=0, **SMALL))


KEYS = (
    {"weight_decay": 0.5}, {"l1": 0.5}, {"dropout": 0.4}, {"label_smoothing": 0.3}, {"neftune_alpha": 20.0},
)  # fmt: skip
# All weights by default; adapters take the same way through the trainer, and are looked at in the slow tests.
CASES = [
    pytest.param(
        method,
        change,
        id=f"{method.name}-{next(iter(change))}",
        marks=() if method is FULL else pytest.mark.slow,
    )
    for method in (FULL, LORA)
    for change in KEYS
]


@pytest.mark.parametrize(("method", "change"), CASES)
def test_each_key_changes_the_weights(
    tmp_path: Path,
    labels: Callable[..., TrainConfig],
    plain: dict[str, Run],
    method: MethodConfig,
    change: Any,
) -> None:
    run = learnt(labels(tmp_path, method=method, **{**SMALL, "weight_decay": 0.0, **change}))
    assert run.weights_digest != plain[method.name].weights_digest
    # The loss before training is a plain one: no noise, no dropout and no smoothing in it.
    assert run.metrics["validation_loss_before"] == plain[method.name].metrics["validation_loss_before"]


def test_dropout_of_the_adapter_changes_the_weights(
    tmp_path: Path, labels: Callable[..., TrainConfig], plain: dict[str, Run]
) -> None:
    dropped = MethodConfig(name="lora", r=4, alpha=8.0, dropout=0.5)
    assert learnt(labels(tmp_path, method=dropped, **SMALL)).weights_digest != plain["lora"].weights_digest


@pytest.mark.parametrize(
    "change", [{"l1": 0.5}, {"label_smoothing": 0.3}, {"neftune_alpha": 20.0}, {"dropout": 0.4}], ids=str
)
def test_each_key_changes_a_decoder(
    tmp_path: Path, settings: Callable[..., TrainConfig], decoder: Run, change: Any
) -> None:
    changed = learnt(settings(tmp_path, method=LORA, row_losses=0, **SMALL, **change))
    without = decoder
    assert changed.weights_digest != without.weights_digest
    assert changed.metrics["validation_loss_before"] == pytest.approx(
        without.metrics["validation_loss_before"]
    )


def test_l1_leaves_exact_zeros_and_smaller_weights(
    tmp_path: Path, labels: Callable[..., TrainConfig], plain: dict[str, Run]
) -> None:
    run = learnt(labels(tmp_path, method=LORA, **{**SMALL, "weight_decay": 0.0, "l1": 2.0}))
    before, after = weights(plain["lora"]), weights(run)
    matrices = [name for name in after if "lora_" in name]
    assert sum(abs(after[n]).sum() for n in matrices) < sum(abs(before[n]).sum() for n in matrices)
    zeros = sum((after[n] == 0).sum() for n in matrices)
    assert zeros > sum((before[n] == 0).sum() for n in matrices) + 100


def test_l1_is_soft_thresholding() -> None:
    import torch

    from train.shrink import Shrink

    matrix = torch.nn.Parameter(torch.tensor([[0.5, -0.03], [0.05, -2.0]]))
    vector = torch.nn.Parameter(torch.tensor([0.01]))
    optimiser = torch.optim.SGD([matrix, vector], lr=0.1)
    Shrink(0.5).on_optimizer_step(None, None, None, optimizer=optimiser)
    assert matrix.tolist() == [[pytest.approx(0.45), 0.0], [0.0, pytest.approx(-1.95)]]
    assert vector.tolist() == [pytest.approx(0.01)]


@pytest.mark.parametrize("key", ["dropout", "label_smoothing"])
def test_a_fraction_above_one_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key}=1\.5 is not a fraction"):
        TrainConfig(**{key: 1.5})
