"""Base against tuned, from the store to the report, with a model that was trained."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from conf.app import compose
from data.errors import ConfigError, StoreError
from data.store import Store
from eval.config import EvalConfig
from eval.run import run


def config(store: Path, out: Path, *overrides: str) -> EvalConfig:
    return compose("eval", EvalConfig, [f"store.path={store}", f"out={out}", "generation.max_new_tokens=24", *overrides])


def test_a_trained_model_is_better_than_its_base(tuned_store: Path, tmp_path: Path, capsys) -> None:
    t = time.time()
    assert run(config(tuned_store, tmp_path / "out")) == 0
    print(time.time() - t)
    with Store.open(tuned_store, read_only=True) as store:
        print(store.facts().select("name", "slice", "value", "low", "high", "outcome"))
