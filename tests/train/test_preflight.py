"""What stops a training before it starts, and what a person is shown."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from data.errors import UserError
from data.records import FrameRecords
from train.chat import encode
from train.estimate import GIB, Need, available_memory, check_room, need
from train.methods import MethodConfig, adapter_config
from train.models import open_directory, quiet
from train.preflight import (
    check_first_batch,
    check_rows,
    check_scrubbed,
    check_supervision,
    marked,
    remarks,
    show,
)
from train.rows import rows_of, tokenise

TALK = [{"role": "user", "content": "Describe the lamp."}, {"role": "assistant", "content": "It is red."}]


def test_an_unscrubbed_version_is_refused_unless_allowed_by_name() -> None:
    check_scrubbed("v-1", ["ingest", "pii", "split"], allow_unscrubbed=False)
    check_scrubbed("v-1", ["ingest"], allow_unscrubbed=True)
    with pytest.raises(
        UserError, match=r"v-1 was not searched for personal data \(its stages: ingest, split\)"
    ):
        check_scrubbed("v-1", ["ingest", "split"], allow_unscrubbed=False)


def test_no_training_rows_says_which_rows_there_are() -> None:
    check_rows("v-1", {"train": 1})
    with pytest.raises(UserError, match=r"holds no training rows \(rows: no split 12, test 3\)"):
        check_rows("v-1", {None: 12, "test": 3})
    with pytest.raises(UserError, match=r"\(rows: none at all\)"):
        check_rows("v-1", {})


def test_rows_without_a_token_to_learn_are_refused_with_their_reasons(tokenizer: Any) -> None:
    records = FrameRecords.of(
        {"messages": TALK[:1], "split": "train"}, {"messages": TALK[:1], "split": "train"}
    )
    found = tokenise(rows_of(records, "train", None), tokenizer, 100)
    with pytest.raises(UserError, match="2 rows: it holds no answer to learn"):
        check_supervision("v-1", found)


def test_a_batch_without_supervision_is_refused() -> None:
    assert check_first_batch(torch.tensor([[-100, -100, 5, 6]])) == pytest.approx(2 / 3)
    with pytest.raises(UserError, match="no supervised token"):
        # the first position predicts nothing, so its label does not count
        check_first_batch(torch.tensor([[7, -100, -100], [7, -100, -100]]))


def test_supervised_tokens_are_marked_in_brackets(tokenizer: Any) -> None:
    text = marked(encode(tokenizer, "r", "chat", TALK, None), tokenizer, in_colour=False).plain
    assert text == (
        "<|im_start|>user\nDescribe the lamp.<|im_end|>\n<|im_start|>assistant\n⟦It is red.<|im_end|>⟧"
    )


def test_supervised_tokens_are_marked_in_colour(tokenizer: Any) -> None:
    text = marked(encode(tokenizer, "r", "chat", TALK, None), tokenizer, in_colour=True)
    greens = [text.plain[span.start : span.end] for span in text.spans if "green" in str(span.style)]
    assert greens == ["It is red.<|im_end|>"]


@pytest.mark.parametrize("hide", [True, False])
def test_examples_of_unscrubbed_data_are_not_printed(tokenizer: Any, hide: bool) -> None:
    records = FrameRecords.of({"messages": TALK, "split": "train"})
    out = io.StringIO()
    show(
        Console(file=out, width=100),
        tokenise(rows_of(records, "train", None), tokenizer, 100),
        tokenizer,
        hide=hide,
    )
    assert ("It is red." in out.getvalue()) is not hide
    assert "tokens carry loss" in out.getvalue()


def test_remarks_name_what_was_cut_and_left_out(tokenizer: Any) -> None:
    records = FrameRecords.of(
        {"messages": [TALK[0], {"role": "assistant", "content": "It is red. " * 40}], "split": "train"},
        {"messages": TALK[:1], "split": "train"},
    )
    said = " ".join(
        remarks(tokenise(rows_of(records, "train", None), tokenizer, 40), None, allow_unscrubbed=True)
    )
    assert "1 training rows are few" in said
    assert "1 training rows left out: it holds no answer to learn." in said
    assert "1 training rows were longer than task.max_length" in said
    assert "No validation rows" in said
    assert "Personal data was not masked" in said


@pytest.mark.parametrize("last_layers", [None, 1])
@pytest.mark.parametrize("targets", [["all-linear"], ["q_proj", "v_proj"]])
def test_the_estimate_counts_the_weights_that_peft_trains(
    trained: Any, targets: list[str], last_layers: int | None
) -> None:

    from peft import get_peft_model

    from train.load import BASE

    folder = Path(json.loads((Path(trained.run.path) / BASE).read_text())["path"])
    method = MethodConfig(r=4, target_modules=targets, last_layers=last_layers)
    model = open_directory(folder)
    parameters = sum(p.numel() for p in model.parameters())
    with quiet():
        adapted = get_peft_model(model, adapter_config(method, model))
    wanted = need(folder, method, batch_tokens=100, bytes_per_weight=4)
    assert wanted.trainable == sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert wanted.parameters == parameters
    assert (
        need(folder, MethodConfig(name="full"), batch_tokens=100, bytes_per_weight=4).trainable == parameters
    )


def test_too_little_memory_is_refused_with_the_numbers(tmp_path: Path) -> None:
    wanted = Need(parameters=1, trainable=1, memory={"weights": 3 * GIB, "activations": 4 * GIB}, disk=0)
    check_room(wanted, 8 * GIB, tmp_path, allow_low_memory=False)
    check_room(wanted, 1 * GIB, tmp_path, allow_low_memory=True)
    with pytest.raises(UserError, match=r"about 7\.0 GiB are needed and 2\.0 GiB are free") as caught:
        check_room(wanted, 2 * GIB, tmp_path, allow_low_memory=False)
    assert "weights 3.0, activations 4.0" in str(caught.value)
    assert "batch_size=1 accumulation=8" in str(caught.value)


def test_too_little_disk_is_refused_also_where_the_folder_does_not_exist_yet(tmp_path: Path) -> None:
    wanted = Need(parameters=1, trainable=1, memory={}, disk=1e18)
    with pytest.raises(UserError, match="not enough disk"):
        check_room(wanted, 8 * GIB, tmp_path / "not" / "yet", allow_low_memory=False)


def test_some_memory_is_available() -> None:
    assert available_memory() > 0.1 * GIB
