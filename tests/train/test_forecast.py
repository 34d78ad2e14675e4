"""The forecast: what it counts, what it learns from earlier runs, and what it proposes where memory is short."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from data.errors import ConfigError, UserError
from data.runs import Run
from data.store import Store
from train.config import TrainConfig
from train.environment import hardware
from train.estimate import GIB, available_memory, need, weight_shapes
from train.forecast import UNKNOWN, _corrected, comparable, forecast, memory_of
from train.forecast_shown import clock, forecast_table, refuse, smallest_change
from train.ingredients import gather
from train.methods import MethodConfig, adapter_config
from train.models import BaseModel, ModelConfig, Shape, open_directory, open_tokenizer, quiet
from train.rows import tokenise
from train.run import train
from train.speed import Packing, SpeedConfig
from train.suitable import check_config
from train.tasks import Task
from train.workload import workload

Make = Callable[..., TrainConfig]


@pytest.fixture(scope="module")
def base(trained: Any) -> BaseModel:
    noted = json.loads((Path(trained.run.path) / "base.json").read_text())
    return BaseModel("tiny", Path(noted["path"]), noted["digest"])


@pytest.fixture(scope="module")
def parts(trained: Any, base: BaseModel) -> tuple[Any, Any]:
    rows = gather(trained.config)
    tokenizer = open_tokenizer(base.path)
    return tokenise(rows.train, tokenizer, 200), tokenise(rows.validation, tokenizer, 200)


@pytest.mark.parametrize("last_layers", [None, 1])
@pytest.mark.parametrize("targets", [["all-linear"], ["q_proj", "v_proj"], ["attention"]])
@pytest.mark.parametrize("name", ["lora", "dora", "prompt"])
def test_the_estimate_counts_the_weights_that_peft_trains(
    base: BaseModel, name: str, targets: list[str], last_layers: int | None
) -> None:
    from peft import get_peft_model

    method = MethodConfig(name=name, r=4, target_modules=targets, last_layers=last_layers)
    model = open_directory(base.path)
    parameters = sum(p.numel() for p in model.parameters())
    with quiet():
        adapted = get_peft_model(model, adapter_config(method, model))
    wanted = need(base.path, method, batch_tokens=100, bytes_per_weight=4)
    assert wanted.trainable == sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert wanted.parameters == parameters
    full = need(base.path, MethodConfig(name="full"), batch_tokens=100, bytes_per_weight=4)
    assert full.trainable == parameters
    assert full.memory["optimiser"] > wanted.memory["optimiser"]


def test_a_workload_counts_padding_and_validations(trained: Any, parts: tuple[Any, Any]) -> None:
    learnt, held_out = parts
    config = replace(trained.config, batch_size=6, steps=None, epochs=2, eval_steps=5)
    work = workload(config, learnt, held_out)
    assert work.steps == 12
    assert work.validations == 1 + 3
    mean = learnt.tokens / len(learnt)
    assert 6 * mean <= work.tokens_a_step <= 6 * learnt.longest
    assert workload(replace(config, accumulation=3), learnt, held_out).tokens_a_step == pytest.approx(
        3 * work.tokens_a_step
    )
    alone = workload(replace(config, batch_size=1), learnt, held_out)
    assert alone.tokens_a_step == pytest.approx(mean)


def test_a_forecast_has_a_range_for_everything(trained: Any, base: BaseModel, parts: tuple[Any, Any]) -> None:
    config = replace(trained.config, price_per_hour=3.6, watts=100.0)
    expected = forecast(config, base, *parts)
    for quantity in (expected.memory, expected.seconds, expected.energy, expected.cost):
        assert quantity is not None
        assert 0 < quantity.low < quantity.value < quantity.high
    assert expected.cost is not None
    assert expected.cost.value == pytest.approx(expected.seconds.value / 1000)
    assert expected.energy.value == pytest.approx(expected.seconds.value * 100 / 3.6e6)
    assert expected.seconds.high == pytest.approx(expected.seconds.value * UNKNOWN["seconds"])
    out = io.StringIO()
    Console(file=out, width=80).print(forecast_table(expected))
    said = " ".join(out.getvalue().split())  # the last column may be folded
    assert all(word in said for word in ("memory", "time", "cost", "energy", "speed", "no earlier run"))


def earlier(factor: float, **changes: Any) -> Run:
    kept = {
        "raw": {"seconds": 10.0, "memory": 1e9},
        "actual": {"seconds": 10 * factor, "memory": 1e9 * factor},
    }
    known: dict[str, Any] = {"model": "tiny", "method": "lora", "hardware": hardware()}
    return Run(
        run_id="run-1", version="v-1", config={}, seed=0, metrics={"forecast": kept}, **{**known, **changes}
    )


def test_earlier_runs_correct_the_next_forecast() -> None:
    once, n = _corrected(100.0, "seconds", [earlier(2.0)])
    assert (once.value, n) == (pytest.approx(200), 1)
    steady, n = _corrected(100.0, "seconds", [earlier(1.5) for _ in range(10)])
    assert (steady.value, n) == (pytest.approx(150), 10)
    hasty = earlier(9.0)
    hasty.metrics["forecast"] |= {"raw": {"seconds": 0.1}, "actual": {"seconds": 3.0}}
    assert _corrected(100.0, "seconds", [hasty, earlier(2.0)]) == (once, 1)  # most of it was starting
    wild, _ = _corrected(100.0, "seconds", [earlier(2.0 if k % 2 else 0.5) for k in range(10)])
    assert wild.value == pytest.approx(100)
    assert steady.high / steady.value < once.high / once.value < UNKNOWN["seconds"] < wild.high / wild.value


def test_runs_of_other_machines_and_methods_do_not_count(trained: Any) -> None:
    other_machine = earlier(9.0, hardware={**hardware(), "processor": "an abacus"})
    other_method = earlier(3.0, method="full")
    assert comparable(trained.config, [other_machine, other_method]) == [other_method]
    mine = earlier(2.0)
    assert comparable(trained.config, [other_machine, other_method, mine]) == [mine]


def test_what_does_not_fit_is_refused_with_the_smallest_change(
    trained: Any, base: BaseModel, parts: tuple[Any, Any]
) -> None:
    padded = SpeedConfig(packing=Packing.off)
    config = replace(trained.config, batch_size=4096, price_per_hour=None, speed=padded)
    expected = forecast(config, base, *parts)
    short = replace(expected, available=expected.memory.value * 0.7)
    with pytest.raises(UserError, match=r"not enough memory: about [\d.]+ GiB are needed") as caught:
        refuse(short, config, base, *parts)
    assert "the smallest change that fits: batch_size=2048 accumulation=2" in str(caught.value)
    assert "allow_low_memory=true" in str(caught.value)
    refuse(short, replace(config, allow_low_memory=True), base, *parts)
    # Where one row is too much as it is, activations are recomputed; where nothing helps it says so.
    one = replace(config, batch_size=1)
    wanted = forecast(one, base, *parts).need
    slightly = wanted.memory_total - wanted.memory["activations"] / 4
    assert smallest_change(one, base, *parts, slightly) == "gradient_checkpointing=true"
    assert smallest_change(one, base, *parts, 0.1 * GIB) is None
    whole = replace(one, method=MethodConfig(name="full"))
    least = forecast(whole, base, *parts).need.memory
    assert smallest_change(whole, base, *parts, sum(least.values()) - least["optimiser"] / 2) == "method=lora"


def test_a_base_of_half_the_size_is_the_last_change(
    trained: Any, base: BaseModel, parts: tuple[Any, Any], tmp_path: Path
) -> None:
    """A model so large that its weights alone are too much: of an 8B one there are 30 GiB in float32."""
    for file in Path(base.path).glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    described = json.loads((tmp_path / "config.json").read_text())
    shape = {"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "head_dim": 128}
    (tmp_path / "config.json").write_text(json.dumps({**described, **shape, "num_attention_heads": 32}))
    large = BaseModel("large", tmp_path, "0")
    config = replace(trained.config, batch_size=1, gradient_checkpointing=True)
    least = forecast(config, large, *parts).need
    assert least.memory["weights"] > 20 * GIB
    available = least.memory_total - least.memory["weights"] * 0.4
    assert smallest_change(config, large, *parts, available) == "model.dtype=bfloat16"
    whole = replace(config, method=MethodConfig(name="full"))
    assert smallest_change(whole, large, *parts, available) == "model.dtype=bfloat16 method=lora"


def test_a_forecast_needs_no_weights(base: BaseModel, tmp_path: Path) -> None:
    for file in Path(base.path).glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert weight_shapes(tmp_path) == weight_shapes(Path(base.path))
    # A part of the weights is none: the forecast would be of a smaller model.
    shutil.copy(Path(base.path) / "model.safetensors", tmp_path / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    config = TrainConfig(model=ModelConfig(name="hub", path=str(tmp_path)), report_to=["none"])
    with pytest.raises(ConfigError, match=r"index names: model-00002(.|\n)*plan=true needs none"):
        check_config(replace(config, task=replace(config.task, max_length=64)))
    check_config(replace(config, plan=True, task=replace(config.task, max_length=64)))


def test_a_change_that_is_proposed_makes_the_same_steps(
    trained: Any, base: BaseModel, parts: tuple[Any, Any]
) -> None:
    config = replace(trained.config, batch_size=12, accumulation=2)
    words = smallest_change(config, base, *parts, forecast(config, base, *parts).need.memory_total - 1)
    assert words == "batch_size=6 accumulation=4"


def test_batches_of_tokens_are_made_smaller_as_such(
    trained: Any, base: BaseModel, parts: tuple[Any, Any]
) -> None:
    tokens = SpeedConfig(packing=Packing.tokens, batch_tokens=16_384)
    config = replace(trained.config, accumulation=2, speed=tokens)
    half = memory_of(config, base, 8_192).value
    assert smallest_change(config, base, *parts, half) == "speed.batch_tokens=8192 accumulation=4"
    assert smallest_change(config, base, *parts, half - 1) == "speed.batch_tokens=4096 accumulation=8"


def test_too_little_disk_is_refused(
    trained: Any, base: BaseModel, parts: tuple[Any, Any], tmp_path: Path
) -> None:
    config = replace(trained.config, out=str(tmp_path / "not" / "yet"))
    expected = forecast(config, base, *parts)
    with pytest.raises(UserError, match="not enough disk"):
        refuse(replace(expected, need=replace(expected.need, disk=1e18)), config, base, *parts)


def test_some_memory_is_available() -> None:
    assert available_memory() > 0.1 * GIB


def test_seconds_are_said_as_people_do() -> None:
    assert [clock(s) for s in (42, 600, 9000)] == ["42 s", "10 min", "2.5 h"]


def test_a_plan_trains_nothing(
    settings: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Any
) -> None:
    def runs() -> list[str]:
        with Store.open(trained.config.store.path, read_only=True) as store:
            return [run.run_id for run in store.runs()]

    before = runs()
    assert train(settings(tmp_path / "out", plan=True, seed=77)) == 0
    shown = capsys.readouterr().err
    assert "What it will take" in shown
    assert "Nothing was trained" in shown
    assert runs() == before
    assert not (tmp_path / "out").exists()


def test_what_came_is_kept_and_corrects_the_next(
    plant: Make, conversations: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.forecast._LEAST_SECONDS", 0.0)
    config = plant(conversations(30))
    assert train(config) == 0
    assert train(replace(config, seed=1)) == 0
    with Store.open(config.store.path, read_only=True) as store:
        first, second = (run.metrics["forecast"] for run in store.runs())
        facts = store.facts(store.run("latest").run_id, "seconds_over_forecast")
    assert first["learnt_from"] == {"seconds": 0, "memory": 0}
    assert second["learnt_from"] == {"seconds": 1, "memory": 1}
    ratio = first["actual"]["seconds"] / first["raw"]["seconds"]
    assert second["seconds"][0] == pytest.approx(second["raw"]["seconds"] * ratio)
    assert second["times"]["seconds"] == pytest.approx(second["actual"]["seconds"] / second["seconds"][0])
    assert facts["value"].to_list() == [second["times"]["seconds"]]


@pytest.mark.parametrize(("kind", "task"), [("tiny_bert", Task.classify), ("tiny_t5", Task.seq2seq)])
def test_encoders_are_forecast_too(settings: Make, tmp_path: Path, kind: str, task: Task) -> None:
    from train.models import ModelConfig, prepare
    from train.probe import probe

    base = prepare(ModelConfig(name=kind), texts=lambda: ["a small text for the vocabulary"] * 3)
    config = settings(tmp_path, model=ModelConfig(name=kind))
    config = replace(config, task=replace(config.task, name=task))
    speed = probe(base.path, config, 20)
    assert speed.layer > 0
    wanted = need(base.path, config.method, batch_tokens=100, bytes_per_weight=4, task=task)
    labels = ["a", "b"] if task is Task.classify else []
    model = open_directory(base.path, shape=Shape(task, labels))
    counted = sum(p.numel() for p in model.parameters())
    assert wanted.parameters == pytest.approx(counted, rel=0.05)
