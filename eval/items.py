"""The items of an evaluation: what is asked, and the answers that count as right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from data.errors import SourceError, StoreError
from data.records import ROLES, Kind, Message, Records
from train.chat import question_and_reference


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    id          record_id where the item is a record, else `line N` of its file
    prompt      the turns before the answer; empty where only an answer is known
    references  right answers, one or more
    """

    id: str
    prompt: list[Message]
    references: list[str]

    @property
    def question(self) -> str:
        """The prompt as one text."""
        return "\n".join(message["content"] for message in self.prompt)


@dataclass(frozen=True, slots=True)
class Slice:
    """Items that are reported together.

    name      `test`, or the name of an extra file
    origin    where they are from, in words
    left_out  records without a question and an answer (plain documents)
    """

    name: str
    origin: str
    items: list[Item]
    left_out: int = 0

    @property
    def references(self) -> list[list[str]]:
        """The references, item by item."""
        return [item.references for item in self.items]


def items_of(records: Records, split: str) -> tuple[list[Item], int]:
    """The items of one split of a version, ordered by record id, and how many records hold none."""
    columns = ("record_id", "kind", "messages", "label", "split")
    rows = records.frame(*columns).filter(pl.col("split") == split).sort("record_id").collect()
    items: list[Item] = []
    for row in rows.iter_rows(named=True):
        asked = question_and_reference(row["kind"], row["messages"], row["label"])
        if asked is not None and asked[1].strip():
            items.append(Item(row["record_id"], asked[0], [asked[1]]))
    return items, rows.height - len(items)


def split_slice(records: Records, split: str, limit: int | None) -> Slice:
    """The slice of one split. Raises StoreError where it holds no item."""
    items, left_out = items_of(records, split)
    if not items:
        counts = records.frame("split").group_by("split").len().sort("split").collect().rows()
        found = ", ".join(f"{name or 'no split'} {count:,}" for name, count in counts) or "no record at all"
        raise StoreError(
            f"the {split} split of {records.version} has no item with a question and an answer",
            f"it holds: {found}",
            "choose another: split=validation, or version=VERSION; the split stage makes one: python -m curation",
        )
    return Slice(split, f"{split} split of {records.version}", items[:limit], left_out)


def file_slice(name: str, path: str, limit: int | None) -> Slice:
    """The slice of a JSONL file whose rows have chat `messages`. Raises SourceError naming the line."""
    items: list[Item] = []
    left_out = 0
    for line, row in json_lines(path, f"extra_files (slice '{name}')"):
        messages = _messages(row, path, line)
        asked = question_and_reference(Kind.chat, messages, None)
        if asked is None or not asked[1].strip():
            left_out += 1
        else:
            items.append(Item(str(row.get("record_id") or f"line {line}"), asked[0], [asked[1]]))
    if not items:
        raise SourceError(f"{path}: no row has a question and an answer", "rows need chat `messages`")
    return Slice(name, Path(path).name, items[:limit], left_out)


def json_lines(path: str, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of a JSONL file; empty lines are skipped. Raises SourceError."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise SourceError(f"{path}: no such file", f"set {key} to a JSONL file, one object a line")
    empty = True
    try:
        with file.open(encoding="utf-8-sig") as stream:
            for line, text in enumerate(stream, start=1):
                if text.strip():
                    empty = False
                    yield line, _object(path, line, text)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not UTF-8 text ({error.reason})", f"set {key} to a JSONL file, one object a line"
        ) from None
    if empty:
        raise SourceError(f"{path} is empty", f"set {key} to a JSONL file, one object a line")


def _object(path: str, line: int, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{path}, line {line}: not JSON ({error.msg}, column {error.colno})",
            "each line is one JSON object",
        ) from None
    if not isinstance(row, dict):
        raise SourceError(f"{path}, line {line}: a {type(row).__name__}, not an object")
    return row


def _messages(row: dict[str, Any], path: str, line: int) -> list[Message]:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise SourceError(
            f"{path}, line {line}: no field `messages` with chat turns",
            f"the row has: {', '.join(sorted(map(str, row))[:12]) or 'no field'}",
            'a row looks like {"messages": [{"role": "user", "content": "..."}, '
            '{"role": "assistant", "content": "..."}]}',
        )
    for message in messages:
        good = isinstance(message, dict) and isinstance(message.get("content"), str)
        if not good or message.get("role") not in ROLES:
            raise SourceError(
                f"{path}, line {line}: a message without a known role and a text",
                f"roles: {', '.join(ROLES)}",
            )
    return [{"role": m["role"], "content": m["content"]} for m in messages]
