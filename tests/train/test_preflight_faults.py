"""Each fault is planted in a store of its own and trained on by the command's task: what stops it, and the way on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import ConfigError, UserError
from data.facts import Fact, Outcome
from data.store import Store
from train.config import TaskConfig, TrainConfig
from train.models import ModelConfig
from train.run import train

Make = Callable[..., TrainConfig]
Rows = Callable[[int], list[dict[str, Any]]]


def stopped(config: TrainConfig) -> UserError:
    """The refusal; nothing was made and no run is in the store."""
    with pytest.raises(UserError) as caught:
        train(config)
    assert not list(Path(config.out).glob("run-*"))
    with Store.open(config.store.path, read_only=True) as store:
        assert not store.runs()
    return caught.value


def findings(config: TrainConfig) -> dict[str, Any]:
    with Store.open(config.store.path, read_only=True) as store:
        return {found["check"]: found for found in store.run("latest").metrics["preflight"]}


def test_all_masked_is_stopped(plant: Make, conversations: Rows) -> None:
    """Prompts that fill max_length: every label is masked, and a trainer would draw a normal curve."""
    config = plant(conversations(30), task=TaskConfig(max_length=12))
    error = stopped(config)
    assert "supervision" in error.problem
    assert "No row of 18 holds a token to learn: its prompt alone fills task.max_length" in str(error)
    assert "task.max_length=2048" in str(error)
    assert "allow=[supervision" in str(error)
    with pytest.raises(UserError, match="No row of 18 holds"):
        train(replace(config, allow=["supervision", "left_out", "end_of_turn", "truncation"]))


def test_mostly_masked_is_stopped_and_can_be_allowed(plant: Make, conversations: Rows) -> None:
    data = conversations(30)
    for number, row in enumerate(data):
        if number % 3:
            row["messages"] = [{"role": "user", "content": f"word {number} " * 100}, row["messages"][-1]]
    config = plant(data, task=TaskConfig(max_length=120))
    error = stopped(config)
    assert "of 18 rows hold none" in str(error)
    assert "'allow=[supervision,left_out]'" in str(error)
    assert train(replace(config, allow=["supervision", "left_out"])) == 0
    assert findings(config)["supervision"]["outcome"] == Outcome.ACCEPTED


def test_no_end_of_turn_is_stopped(plant: Make, conversations: Rows, tmp_path: Path, trained: Any) -> None:
    """A tokenizer that names no end-of-turn token: the answers are learnt, and never their end."""
    import shutil

    base = json.loads((Path(trained.run.path) / "base.json").read_text())["path"]
    folder = tmp_path / "no_eos"
    shutil.copytree(base, folder)
    file = folder / "tokenizer_config.json"
    settings_of = json.loads(file.read_text())
    del settings_of["eos_token"]
    file.write_text(json.dumps(settings_of))
    # A template that ends turns by hand, so that nothing else looks wrong.
    template = tmp_path / "t.jinja"
    template.write_text(
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )
    model = ModelConfig(name="hub", path=str(folder), chat_template=str(template))
    config = plant(conversations(30), model=model)
    error = stopped(config)
    assert error.problem.endswith("end_of_turn")
    assert "0.0% of the rows teach the model to end its turn" in str(error)
    assert "eos_token" in str(error)
    assert "'allow=[end_of_turn]'" in str(error)
    assert train(replace(config, allow=["end_of_turn"])) == 0


def test_every_row_cut_is_stopped(plant: Make, conversations: Rows) -> None:
    data = conversations(30)
    for row in data:
        row["messages"][-1] = {"role": "assistant", "content": "It is tall and it is red. " * 40}
    config = plant(data, task=TaskConfig(max_length=64))
    error = stopped(config)
    assert "truncation: 18 of 18 rows were longer than task.max_length=64 (100.0%)" in str(error)
    assert "longer rows: task.max_length=" in str(error)
    assert "'allow=[end_of_turn,truncation]'" in str(error)
    assert train(replace(config, allow=["end_of_turn", "truncation"])) == 0


def test_a_slice_that_is_cut_throughout_is_stopped(plant: Make, conversations: Rows) -> None:
    data = [{**row, "source": "short", "split": "train"} for row in conversations(60)]
    for number, row in enumerate(data[:25]):
        row["source"] = "long"
        row["messages"][-1] = {"role": "assistant", "content": f"It is tall, and number {number}. " * 40}
    error = stopped(plant(data, task=TaskConfig(max_length=100)))
    assert "truncation: 25 of 60 rows" in str(error)
    assert "Most in source=long: 100% of 25" in str(error)


def test_test_rows_among_the_training_rows_are_stopped(plant: Make, conversations: Rows) -> None:
    data = conversations(60)
    asked = [row for row in data if row["split"] == "test"][:5]
    data += [{**row, "split": "train", "licence": "MIT"} for row in asked]
    config = plant(data)
    error = stopped(config)
    assert error.problem.endswith("leakage")
    assert "5 of 12 test rows have a prompt that is trained on" in str(error)
    assert "decontaminate" in str(error)
    assert "'allow=[leakage]'" in str(error)
    assert train(replace(config, allow=["leakage"])) == 0
    assert findings(config)["leakage"]["outcome"] == Outcome.ACCEPTED


def test_items_of_a_suite_among_the_training_rows_are_stopped(
    plant: Make, conversations: Rows, tmp_path: Path
) -> None:
    item = "Which of these seven lamps would a careful gardener carry into the garden at night?"
    file = tmp_path / "exam.jsonl"
    file.write_text(json.dumps({"question": item}) + "\n")
    data = conversations(30)
    data[0]["messages"][1] = {"role": "user", "content": item}
    config = plant(data, against=[str(file)])
    assert "1 of 18 training rows hold an item of" in str(stopped(config))
    assert train(replace(config, against=[])) == 0
    with pytest.raises(ConfigError, match="against=exam: no such evaluation suite or file"):
        train(replace(config, against=["exam"]))


def test_personal_data_that_an_audit_found_stops(plant: Make, conversations: Rows) -> None:
    config = plant(conversations(30))
    with Store.open(config.store.path) as store:
        fact = Fact(
            subject=store.resolve("latest"), subject_kind="version", name="PII-001", value=0.4, unit="fraction",
            n=30, outcome=Outcome.FAIL.value, threshold="at most 1 %",
        )  # fmt: skip
        store.add_facts([fact])
    error = stopped(config)
    assert "personal_data: The audit found some in 40.00% of 30 rows" in str(error)
    assert "'allow=[personal_data]'" in str(error)


def test_what_is_only_worth_knowing_warns(plant: Make, capsys: pytest.CaptureFixture[str]) -> None:
    data = [
        {"messages": [{"role": "user", "content": f"Is lamp {n} red?"}], "label": "no" if n % 25 else "yes",
         "kind": "labelled", "split": ("train", "train", "validation")[n % 3]}
        for n in range(75)
    ]  # fmt: skip
    data += [{**data[1], "label": "yes"}, {**data[4], "label": "yes"}]
    config = plant(data)
    assert train(config) == 0
    found = findings(config)
    assert found["examples"]["outcome"] == found["balance"]["outcome"] == Outcome.WARN
    assert found["contradictions"]["outcome"] == Outcome.WARN
    assert (
        found["contradictions"]["words"] == "4 of 52 rows have a prompt that another row answers otherwise."
    )
    assert found["personal_data"]["outcome"] == Outcome.NOT_RUN
    assert found["round_trip"]["outcome"] == Outcome.PASS
    shown = capsys.readouterr().err
    assert max(map(len, shown.split("What is learnt")[0].splitlines())) <= 80
    with Store.open(config.store.path, read_only=True) as store:
        facts = dict(
            store.facts(store.run("latest").run_id, "preflight").select("slice", "outcome").iter_rows()
        )
    assert facts["check=balance"] == "WARN"
    assert len(facts) == len(found)


def test_an_unknown_check_is_named(settings: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"allow=leakag: no such check(.|\n)*did you mean 'leakage'"):
        settings(tmp_path, allow=["leakag"])
