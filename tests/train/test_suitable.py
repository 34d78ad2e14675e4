"""Whether a base model suits the task, and what its licence allows; known before a training begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conf.app import compose, config_folder
from data.errors import ConfigError, UserError
from train.config import TrainConfig
from train.model_folder import stated_licence
from train.models import BaseModel, ModelConfig
from train.run import train
from train.suitable import Leave, check_config, check_licence, check_model, commercial_leave, licence_remark
from train.tasks import Task, TaskConfig

HUB = sorted(
    path.stem for path in config_folder("train").glob("model/*.yaml") if "path: null" not in path.read_text()
)


@pytest.mark.parametrize(
    ("licence", "leave"),
    [
        ("apache-2.0", Leave.allowed),
        ("MIT", Leave.allowed),
        ("cc-by-4.0", Leave.allowed),
        ("gemma", Leave.conditions),
        ("llama3.2", Leave.conditions),
        ("qwen-research", Leave.forbidden),
        ("cc-by-nc-4.0", Leave.forbidden),
        ("cc-by-nc-sa-4.0", Leave.forbidden),
        ("my-own-terms", Leave.unknown),
        ("", Leave.unknown),
        (None, Leave.unknown),
    ],
)
def test_what_a_licence_leaves(licence: str | None, leave: Leave) -> None:
    assert commercial_leave(licence) is leave


@pytest.mark.parametrize("name", HUB)
def test_every_model_of_the_hub_states_a_licence_that_is_known_and_its_context(name: str) -> None:
    model = compose("train", TrainConfig, [f"model={name}"]).model
    assert model.path and "/" in model.path
    assert commercial_leave(model.licence) is not Leave.unknown
    assert model.context and model.context >= 512


def test_the_common_families_are_there() -> None:
    listed = " ".join(HUB)
    assert all(family in listed for family in ("qwen", "llama", "gemma", "smollm", "bert", "t5"))


@pytest.fixture
def own_model(tmp_path: Path, trained: Any) -> Callable[[str], Path]:
    """A model directory as somebody might have it, with this card."""

    def make(card: str) -> Path:
        from train.load import _base_path

        folder = tmp_path / "mine"
        shutil.copytree(_base_path(trained.run), folder, dirs_exist_ok=True)
        (folder / "README.md").write_text(card, encoding="utf-8")
        return folder

    return make


def test_a_research_licence_stops_a_commercial_training_before_it_begins(
    tmp_path: Path, own_model: Callable[[str], Path], settings: Callable[..., TrainConfig], capsys: Any
) -> None:
    folder = own_model("---\nlicense: other\nlicense_name: qwen-research\nbase_model: x\n---\n# Mine\n")
    config = settings(tmp_path / "out", steps=2, eval_steps=2, row_losses=0)
    config = replace(config, model=ModelConfig(name="hub", path=str(folder)))
    with pytest.raises(
        UserError, match=r"qwen-research\) does not allow a commercial use(.|\n)*model\.use=research"
    ):
        train(config)
    assert not (tmp_path / "out").exists()
    model: Any = replace(config.model, use="research")
    assert train(replace(config, model=model)) == 0
    assert "forbids a commercial use: for research only" in " ".join(capsys.readouterr().err.split())
    assert train(replace(config, model=replace(config.model, allow_licence=True))) == 0


def test_a_stated_licence_stops_before_anything_is_fetched() -> None:
    config = compose("train", TrainConfig, ["model=qwen2_5_3b"])
    with pytest.raises(UserError, match=r"licence of Qwen/\S+ \(qwen-research\) does not allow"):
        check_licence(config, config.model.licence)
    check_licence(compose("train", TrainConfig, ["model=qwen2_5_3b", "model.use=research"]), "qwen-research")


def test_the_licence_of_a_card(tmp_path: Path) -> None:
    assert stated_licence(tmp_path) is None
    for card, expected in (
        ("---\nlicense: apache-2.0\n---\n# A model\nlicense: MIT\n", "apache-2.0"),
        ("---\nlanguage: en\n---\nlicense: MIT\n", None),
        ("# No head\nlicense: MIT\n", None),
    ):
        (tmp_path / "README.md").write_text(card)
        assert stated_licence(tmp_path) == expected


def base(folder: Path, kind: str, licence: str | None = "MIT", **more: Any) -> BaseModel:
    import json

    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": kind, **more}))
    return BaseModel("mine", folder, "0", licence)


@pytest.mark.parametrize(
    ("task", "kind", "more", "words"),
    [
        (
            Task.sft,
            "bert",
            {},
            r"task=sft trains a decoder, and mine is an encoder \(bert\)(.|\n)*task=classify",
        ),
        (Task.sft, "t5", {"is_encoder_decoder": True}, r"encoder with a decoder \(t5\)(.|\n)*task=seq2seq"),
        (Task.seq2seq, "llama", {}, r"mine is a llama model(.|\n)*task=sft"),
        (Task.seq2seq, "bert", {}, r"mine is a bert model(.|\n)*task=classify"),
        (
            Task.classify,
            "t5",
            {"is_encoder_decoder": True},
            r"task=classify trains an encoder(.|\n)*task=seq2seq",
        ),
        (
            Task.sft,
            "llama",
            {"max_position_embeddings": 512},
            r"attend to \(512 tokens\)(.|\n)*task\.max_length=512",
        ),
        (Task.classify, "roberta", {"max_position_embeddings": 514}, r"attend to \(512 tokens\)"),
    ],
)
def test_a_model_that_does_not_suit(tmp_path: Path, task: Task, kind: str, more: Any, words: str) -> None:
    config = TrainConfig(task=TaskConfig(name=task))
    with pytest.raises(ConfigError, match=words):
        check_model(config, base(tmp_path / "m", kind, **more))


@pytest.mark.parametrize(
    ("file", "words", "message"),
    [
        ("readme.txt", "", r"holds no config\.json(.|\n)*tokenizer\.json and \*\.safetensors"),
        ("adapter_config.json", "{}", r"holds no config\.json(.|\n)*it holds an adapter(.|\n)*export=RUN"),
        ("config.json", '{"model_type": ', r"its config\.json is no JSON"),
        ("config.json", "[1]", r"knows no model of the kind None"),
        ("config.json", '{"model_type": "nonsense"}', r"knows no model of the kind 'nonsense'"),
    ],
)
def test_a_folder_that_holds_no_model(tmp_path: Path, file: str, words: str, message: str) -> None:
    (tmp_path / file).write_text(words)
    with pytest.raises(ConfigError, match=message):
        check_config(TrainConfig(model=ModelConfig(name="hub", path=str(tmp_path)), report_to=["none"]))


def test_remarks_on_licences(tmp_path: Path) -> None:
    config = TrainConfig(model=ModelConfig(name="hub", path="x/y"))
    assert licence_remark(config, base(tmp_path, "llama")) is None
    assert "Prohibited Use Policy" in str(licence_remark(config, base(tmp_path, "llama", "gemma")))
    assert "is not stated" in str(licence_remark(config, base(tmp_path, "llama", None)))
    tiny = TrainConfig(model=ModelConfig(name="tiny_t5"))
    assert "random weights" in str(licence_remark(tiny, base(tmp_path, "t5", None)))
