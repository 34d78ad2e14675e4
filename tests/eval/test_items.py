"""Which items are asked: the last answer is the reference, what stands before it the prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import SourceError, StoreError
from data.records import FrameRecords
from eval.items import file_slice, split_slice

SYSTEM = {"role": "system", "content": "Be kind."}


def turns(*contents: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(contents)]


def test_the_last_answer_of_a_dialogue_is_asked() -> None:
    records = FrameRecords.of(
        {"record_id": "b", "messages": [SYSTEM, *turns("q1", "a1", "q2", "a2")], "split": "test"},
        {"record_id": "a", "messages": turns("q", "a", "thanks"), "split": "test"},
        {"record_id": "c", "messages": turns("only a question"), "split": "test"},
        {"record_id": "d", "messages": turns("q", "a"), "split": "train"},
        {
            "record_id": "e",
            "messages": turns("is it spam?"),
            "kind": "labelled",
            "label": "no",
            "split": "test",
        },
    )
    found = split_slice(records, "test", None)
    assert [item.id for item in found.items] == ["a", "b", "e"] and found.left_out == 1
    assert found.items[1].prompt == [SYSTEM, *turns("q1", "a1", "q2")]
    assert [item.references for item in found.items] == [["a"], ["a2"], ["no"]]
    assert [item.id for item in split_slice(records, "test", 2).items] == ["a", "b"]


def test_an_empty_split_names_the_splits_that_exist() -> None:
    records = FrameRecords.of({"messages": turns("q", "a"), "split": "train"})
    with pytest.raises(StoreError, match="the test split of memory has no item") as raised:
        split_slice(records, "test", None)
    assert "it holds: train 1" in raised.value.hints


def test_a_further_file_is_a_slice(tmp_path: Path) -> None:
    file = tmp_path / "far.jsonl"
    rows: list[Any] = [{"messages": turns("q1", "a1"), "record_id": "x"}, {"messages": turns("q2", "a2")}]
    rows.append({"messages": turns("no answer")})
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = file_slice("far", str(file), None)
    assert [(item.id, item.question, item.references) for item in found.items] == [
        ("x", "q1", ["a1"]),
        ("line 2", "q2", ["a2"]),
    ]
    assert (found.name, found.left_out) == ("far", 1)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "q"}, "line 1: no field `messages`"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "line 1: a message without a known role"),
        ({"messages": [{"role": "user"}]}, "line 1: a message without a known role"),
        ({"messages": turns("q")}, "no row has a question and an answer"),
    ],
)
def test_a_row_at_fault_in_a_further_file(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    file = tmp_path / "far.jsonl"
    file.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(SourceError, match=words):
        file_slice("far", str(file), None)
