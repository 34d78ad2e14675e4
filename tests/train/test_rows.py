"""Every row is in the dataset, or named with the reason why it is not."""

from __future__ import annotations

from typing import Any

from data.records import FrameRecords
from train.chat import IGNORED
from train.rows import REASONS, rows_of, texts_of, tokenise


def chat(question: str, answer: str | None, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    messages += [{"role": "assistant", "content": answer}] if answer is not None else []
    return {"messages": messages, "split": "train", **more}


def test_rows_that_cannot_teach_are_left_out_by_name(tokenizer: Any) -> None:
    records = FrameRecords.of(
        chat("Describe the lamp.", "It is red."),
        chat("Describe the bag.", None),
        chat("Describe the chair. " * 40, "It is tall."),
        chat("<|im_start|>system", "It is blue."),
    )
    found = tokenise(rows_of(records, "train", None), tokenizer, 60)
    assert found.left_out == [("r001", "no_answer"), ("r002", "prompt_too_long"), ("r003", "control_tokens")]
    assert found.reasons == {"control_tokens": 1, "no_answer": 1, "prompt_too_long": 1}
    assert set(found.reasons) <= set(REASONS)
    assert found.dataset["record_id"] == ["r000"]


def test_what_is_cut_is_counted(tokenizer: Any) -> None:
    records = FrameRecords.of(chat("Describe the lamp.", "It is red and tall. " * 30))
    whole = tokenise(rows_of(records, "train", None), tokenizer, 1000)
    cut = tokenise(rows_of(records, "train", None), tokenizer, 50)
    assert (whole.rows_cut, whole.tokens_cut, whole.ends_cut) == (0, 0, 0)
    assert (cut.rows_cut, cut.tokens_cut, cut.ends_cut) == (1, whole.tokens - 50, 1)
    assert cut.longest == 50
    assert cut.dataset[0]["input_ids"] == whole.dataset[0]["input_ids"][:50]


def test_counts_of_tokens_are_those_of_the_dataset(tokenizer: Any) -> None:
    records = FrameRecords.of(*(chat(f"Describe lamp {n}.", "It is red. " * n) for n in range(1, 9)))
    found = tokenise(rows_of(records, "train", None), tokenizer, 1000)
    rows = list(found.dataset)
    assert found.tokens == sum(len(row["input_ids"]) for row in rows)
    assert found.supervised == sum(label != IGNORED for row in rows for label in row["labels"])
    assert found.longest == max(len(row["input_ids"]) for row in rows)
    assert [row["record_id"] for row in rows] == [f"r{n:03d}" for n in range(8)]


def test_only_the_split_asked_for_and_no_more_than_the_limit(tokenizer: Any) -> None:
    records = FrameRecords.of(
        *(chat("q", "a", split=split) for split in ["test", "train", "train", "validation"])
    )
    assert rows_of(records, "train", None)["record_id"].to_list() == ["r001", "r002"]
    assert rows_of(records, "train", 1)["record_id"].to_list() == ["r001"]
    assert rows_of(records, "validation", 9)["record_id"].to_list() == ["r003"]


def test_a_system_prompt_is_remembered_when_all_share_it(tokenizer: Any) -> None:
    def said(system: str) -> dict[str, Any]:
        return {
            **chat("q", "a"),
            "messages": [{"role": "system", "content": system}, *chat("q", "a")["messages"]],
        }

    same = FrameRecords.of(said("Be kind."), said("Be kind."))
    mixed = FrameRecords.of(said("Be kind."), said("Be brief."))
    assert tokenise(rows_of(same, "train", None), tokenizer, 100).system == "Be kind."
    assert tokenise(rows_of(mixed, "train", None), tokenizer, 100).system is None


def test_texts_are_contents_and_labels() -> None:
    records = FrameRecords.of({**chat("late card", None), "kind": "labelled", "label": "card_arrival"})
    assert list(texts_of(rows_of(records, "train", None))) == ["late card", "card_arrival"]
