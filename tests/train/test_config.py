"""The configuration: every choice composes, and a mistake quotes the key as the command line spells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.app import compose
from data.errors import ConfigError
from train.config import TrainConfig, what_matters


@pytest.mark.parametrize(
    "overrides",
    [
        [], ["model=tiny"], ["model=hub", "model.path=org/name"], ["method=full"], ["experiment=demo"],
        ["resume=true"], ["report_to=[]"], ["steps=10", "schedule=linear"],
    ],
)  # fmt: skip
def test_it_composes(overrides: list[str]) -> None:
    assert isinstance(compose("train", TrainConfig, overrides), TrainConfig)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("batch_size=0", "batch_size=0 is outside 1"),
        ("steps=0", "steps=0 is outside 1"),
        ("learning_rate=0", "learning_rate=0.0 is not between 0 and 10"),
        ("weight_decay=2", "weight_decay=2.0 is outside 0 to 1"),
        ("task.max_length=2", "task.max_length=2 is outside 8"),
        ("epochs=-1", "epochs=-1.0 is not above 0"),
        ("method.r=0", "method.r=0 is not a rank"),
        ("method.dropout=1", "method.dropout=1.0 is not a fraction"),
        ("method.target_modules=[]", "method.target_modules=[] trains nothing"),
        ("report_to=[tensorbord]", "report_to=tensorbord: no such tracker"),
        ("resume=nowhere", "resume=nowhere: no such checkpoint folder"),
    ],
)
def test_a_value_out_of_range_is_quoted(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose("train", TrainConfig, [override])
    assert words in caught.value.problem


def test_the_demo_is_small() -> None:
    demo = compose("train", TrainConfig, ["experiment=demo"])
    assert (demo.steps, demo.batch_size, demo.method.r) == (40, 8, 8)


def test_where_a_run_is_kept_does_not_change_what_it_is(tmp_path: Path) -> None:
    plain = what_matters(TrainConfig())
    assert plain == what_matters(TrainConfig(out=str(tmp_path), resume="true", chat="latest", report_to=[]))
    assert plain != what_matters(TrainConfig(seed=1))
    assert plain != what_matters(TrainConfig(steps=7))
