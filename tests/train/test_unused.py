"""Settings without effect are named, and what can be refused before the data is read is refused then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conf.app import compose
from data.errors import UserError
from train.__main__ import run
from train.config import TrainConfig
from train.unused import unused


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["method=full", "method.r=4", "method.last_layers=99"],
            "method.r=4, method.last_layers=99 (method=full trains",
        ),
        (
            ["method=prompt", "method.target_modules=[q_proj]"],
            "method.target_modules=[q_proj] (method=prompt trains",
        ),
        (
            ["method.tokens=5", "method.start=Hello"],
            "method.tokens=5, method.start=Hello (method=lora trains adapters)",
        ),
        (["task.max_answer=9"], "task.max_answer=9 (task=sft"),
        (["steps=5", "epochs=2"], "epochs=2.0 (steps=5 says when it ends)"),
        (["speed.packing=off", "speed.compile=true"], "speed.compile=True (rows are padded here)"),
        (["task=classify", "generate_rows=3"], "generate_rows=3 (a classifier writes nothing)"),
        (["max_new_tokens=9"], "max_new_tokens=9 (nothing is generated"),
        (["temperature=1"], "temperature=1.0 (it is for chat=RUN)"),
    ],
)
def test_a_setting_without_effect_is_named(overrides: list[str], words: str) -> None:
    (said,) = unused(compose("train", TrainConfig, overrides))
    assert said.startswith(f"Without effect: {words}")


@pytest.mark.parametrize(
    "overrides",
    [
        [], ["method=full"], ["method=prompt", "method.tokens=5"], ["method=dora", "method.r=4"], ["task=classify"],
        ["task=seq2seq", "task.max_answer=9"], ["experiment=demo"], ["experiment=lead_qualification"],
        ["experiment=support_replies"], ["experiment=email_campaign"], ["generate_rows=3", "max_new_tokens=9"],
    ],
)  # fmt: skip
def test_nothing_is_said_of_settings_that_count(overrides: list[str]) -> None:
    assert unused(compose("train", TrainConfig, overrides)) == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["report_to=[comet_ml]"], "report_to=comet_ml: the package comet_ml is not installed"),
        (["method=qlora"], "method=qlora keeps the base model in four bits"),
        (["speed.packing=tokens", "task=classify"], "speed.packing=tokens: task=classify pads its rows"),
        (["speed.packing=rows", "neftune_alpha=5"], "speed.packing=rows: neftune_alpha"),
        (["against=[nothing_like_it]"], "against=nothing_like_it: no such evaluation suite or file"),
        (["model=hub"], "model=hub needs model.path"),
        (["model=hub", "model.path=no_such_folder"], "is neither a directory nor a hub id"),
        (["model=hub", "model.path={empty}"], "holds no config.json"),
        (["model=hub", "model.path={t5}"], "task=sft trains a decoder"),
        (["model=hub", "model.path={llama}", "dropout=0.1", "model.licence=MIT"], ""),
        (["model=hub", "model.path={llama}", "method.last_layers=9", "model.licence=MIT"], "more than the 2 layers"),
        (["model=hub", "model.path={llama}", "method.target_modules=[qproj]"], "no linear layer 'qproj'"),
        (["model=hub", "model.path=a/b", "model.licence=qwen-research"], "does not allow a commercial use"),
        (["tune=random", "tune.trials=2", "tune.space={{method.r: {{choices: [4, 0]}}}}"], "method.r=0 is not a rank"),
        (["tune=random", "report_to=[trackio]", "folds=0"], "report_to=trackio"),
        (["folds=3", "speed.packing=tokens", "task=classify"], "speed.packing=tokens: task=classify pads its rows"),
    ],
)  # fmt: skip
def test_what_can_be_refused_before_the_data_is_read_is(
    tmp_path: Path, trained: Any, overrides: list[str], words: str
) -> None:
    """There is no store here: whoever reads the data first says that."""
    import json

    from train.models import ModelConfig, prepare

    (tmp_path / "empty").mkdir()
    places = {
        "empty": tmp_path / "empty",
        "t5": prepare(ModelConfig(name="tiny_t5"), texts=lambda: ["some words for the vocabulary"] * 3).path,
        "llama": json.loads((Path(trained.run.path) / "base.json").read_text())["path"],
    }
    typed = [word.format(**places) for word in overrides]
    here = [f"store.path={tmp_path / 'none.duckdb'}", f"out={tmp_path / 'out'}", "task.max_length=64"]
    with pytest.raises(UserError) as caught:
        run(compose("train", TrainConfig, [*typed, *here]))
    assert (words or "no store at") in caught.value.problem
    assert not (tmp_path / "out").exists()
