"""Base and tuned models of a run: the right weights, or a refusal."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from data.errors import StoreError
from train.load import ADAPTER, has_adapter, load_base, load_tuned


def logits(model: Any) -> Any:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([[5, 6, 7, 8]])).logits


def test_a_tuned_model_is_its_base_with_the_adapter_off(trained: Any) -> None:
    base, _ = load_base(trained.run)
    tuned, _ = load_tuned(trained.run)
    assert has_adapter(trained.run)
    assert not torch.allclose(logits(tuned), logits(base))
    with tuned.disable_adapter():
        assert torch.equal(logits(tuned), logits(base))


def test_an_unfinished_run_says_how_to_finish_it(trained: Any) -> None:
    with pytest.raises(StoreError, match=r"is running(.|\n)*resume=true"):
        load_tuned(replace(trained.run, status="running"))


def test_weights_that_changed_are_refused(trained: Any, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(trained.run.path, copy)
    weights = copy / ADAPTER / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(StoreError, match="are not those that"):
        load_tuned(replace(trained.run, path=str(copy)))


def test_a_moved_folder_is_missed(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no weights under"):
        load_tuned(replace(trained.run, path=str(tmp_path)))
