"""What stops a training before it starts, and what a person is shown."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
import torch
from rich.console import Console

from data.errors import UserError
from data.records import FrameRecords
from train.chat import encode
from train.config import TrainConfig
from train.look import rate_remark
from train.methods import MethodConfig
from train.preflight import check_first_batch, check_rows, check_scrubbed, marked, remarks, show
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


def test_remarks_of_missing_validation_and_unmasked_data(tokenizer: Any) -> None:
    none = tokenise(
        rows_of(FrameRecords.of({"messages": TALK, "split": "train"}), "validation", None), tokenizer, 40
    )
    said = " ".join(remarks(none, allow_unscrubbed=True))
    assert "No validation rows" in said
    assert "Personal data was not masked" in said
    some = FrameRecords.of({"messages": TALK, "split": "train"})
    assert not remarks(tokenise(rows_of(some, "train", None), tokenizer, 40), allow_unscrubbed=False)


def test_a_rate_that_suits_all_weights_is_remarked_on_for_adapters() -> None:
    low = TrainConfig(learning_rate=2e-5)
    assert "learning_rate=2e-05 is low for method=lora" in rate_remark(low)
    assert not rate_remark(TrainConfig(learning_rate=2e-4))
    assert not rate_remark(replace(low, method=MethodConfig(name="full")))
