"""The Record: one example of the data, whatever shape its file had.

A record is a list of messages plus columns about it. The canonical columns of a records frame:

    record_id   str   16 hex digits: hash of the raw row's content and of how many equal rows came before it,
                      so that it is the same on every machine and for every order of distinct rows
    text_hash   str   32 hex digits: hash of the messages; changes when a stage edits the record
    kind        str   one of KINDS
    messages    list[struct{role: str, content: str}]   roles are ROLES; order and number are kept everywhere
    label       str | null    class label of a labelled text
    source      str           where the row is from (a column of the file, or the file's name)
    licence     str | null    SPDX expression
    language    str | null    as the file states it
    timestamp   str | null    as the file states it
    metadata    str           JSON object of every other column
    split       str | null    train, validation or test, once the split stage has run
    file, line  str, int      the raw row
    ingest_number  int        1 for records of the store's first ingest, 2 for the next ...: how old a record is

Derived columns, computed when they are asked for: `prompt` (contents of system, user and tool messages),
`answer` (contents of assistant and tool_call messages), `text` (all contents); parts are joined by a newline.
`replaced` is where the messages hold made-up values in place of personal data (null: nowhere), see data/verdicts.py.
Any other column name is looked up in `metadata`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import polars as pl

Message = dict[str, str]
# Sketches as binary values -> which of them are wanted, bool[n].
Pick = Callable[[pl.Series], np.ndarray]


class Kind(StrEnum):
    """What a record is: a dialogue, a text with a class label, or a plain document."""

    chat = "chat"
    labelled = "labelled"
    text = "text"


ROLES = ("system", "user", "assistant", "tool_call", "tool", "document")
ANSWER_ROLES = ("assistant", "tool_call")
SPLITS = ("train", "validation", "test")

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))

RECORD_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "record_id": pl.String,
    "text_hash": pl.String,
    "kind": pl.String,
    "messages": MESSAGES,
    "label": pl.String,
    "source": pl.String,
    "licence": pl.String,
    "language": pl.String,
    "timestamp": pl.String,
    "metadata": pl.String,
    "split": pl.String,
    "file": pl.String,
    "line": pl.Int64,
    "ingest_number": pl.Int64,
}
DERIVED = ("prompt", "answer", "text")
# A column beside the others, where `Records.sketched`: what `Records.sketches` gives.
SKETCH = "(sketch)"


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal strings."""
    return _encode(value)


def digest(value: str | bytes, *, hex_digits: int = 32) -> str:
    """BLAKE2b of `value`, as `hex_digits` (even, <= 128) hexadecimal digits."""
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return hashlib.blake2b(raw, digest_size=hex_digits // 2).hexdigest()


def text_hash(messages: Sequence[Message]) -> str:
    """The content address of a list of messages (128 bits).

    Roles and contents are length-prefixed by JSON, so no two different lists give the same bytes.
    """
    return digest(canonical_json([[m["role"], m["content"]] for m in messages]))


def drawn(frame: pl.DataFrame, rows: int, seed: int) -> pl.DataFrame:
    """At most `rows` rows (0: all) of a frame with record_id, by the order of a keyed hash of the ids.

    The same seed draws the same records, whatever else is in the version.
    """
    if rows == 0 or frame.height <= rows:
        return frame
    keys = [digest(f"{seed} {record}") for record in frame["record_id"]]
    return frame.with_columns(drawn_key=pl.Series(keys)).sort("drawn_key").head(rows).drop("drawn_key")


def answer_of(messages: Iterable[Message]) -> str:
    """The derived `answer` column for one record."""
    return "\n".join(m["content"] for m in messages if m["role"] in ANSWER_ROLES)


def prompt_of(messages: Iterable[Message]) -> str:
    """The derived `prompt` column for one record."""
    return "\n".join(m["content"] for m in messages if m["role"] not in ANSWER_ROLES)


class Records(Protocol):
    """What a stage sees of a version: columns, and no way to change anything."""

    @property
    def version(self) -> str:
        """The id of the version that is read."""
        ...

    def __len__(self) -> int: ...

    def frame(self, *columns: str) -> pl.LazyFrame:
        """All records with these columns, ordered by record_id; for set-wise stages."""
        ...

    def batches(self, *columns: str, rows: int = 10_000) -> Iterator[pl.DataFrame]:
        """The same in frames of at most `rows` rows: bounded memory, for row-wise stages."""
        ...

    def earlier(self, stage: str, config: dict[str, Any], reason: str = "") -> pl.DataFrame:
        """What `stage` with this very `config` assigned in earlier versions of this store.

        Columns record_id, value (of the records asked for by `among`, where the store is read); with a `reason`, the
        values of its tags with that reason. Lets what was given stay as it was when data is added.
        """
        ...

    @property
    def sketched(self) -> bool:
        """Whether the stage that reads keeps a sketch of every text."""
        ...

    def sketches(self, pick: Pick | None = None) -> pl.DataFrame:
        """What the stage that reads keeps of the texts: record_id and data (binary), ordered by record_id.

        Records without one are absent. With `pick` only those that it picks: that costs much less than all, since it
        is shown sketches as they are stored, among them some of no record here.
        """
        ...

    def among(self, ids: pl.Series) -> Records:
        """Those of the records whose record_id is one of `ids`."""
        ...


class FrameRecords:
    """Records held in memory: for tests, and for calling a stage from Python without a store."""

    def __init__(
        self, frame: pl.DataFrame, *, version: str = "memory", earlier: pl.DataFrame | None = None
    ) -> None:
        self.version = version
        self._earlier = earlier
        missing = [
            pl.lit(None, dtype=kind).alias(name)
            for name, kind in RECORD_SCHEMA.items()
            if name not in frame.columns
        ]
        self._frame = with_derived(frame.with_columns(missing)).sort("record_id")

    @classmethod
    def of(cls, *rows: dict[str, Any]) -> FrameRecords:
        """Records from plain dicts with at least `messages`; ids are made up by position where absent."""
        filled = [
            {
                "record_id": f"r{number:03d}",
                "kind": Kind.chat.value,
                "source": "memory",
                "metadata": "{}",
                "text_hash": text_hash(row["messages"]),
                **row,
            }
            for number, row in enumerate(rows)
        ]
        extra = {key: pl.String for row in filled for key in row if key not in RECORD_SCHEMA}
        return cls(pl.DataFrame(filled, schema={**RECORD_SCHEMA, **extra}))

    def __len__(self) -> int:
        return self._frame.height

    def frame(self, *columns: str) -> pl.LazyFrame:
        """See `Records.frame`."""
        return self._frame.lazy().select([self._column(name) for name in columns or RECORD_SCHEMA])

    def batches(self, *columns: str, rows: int = 10_000) -> Iterator[pl.DataFrame]:
        """See `Records.batches`."""
        yield from self.frame(*columns).collect().iter_slices(rows)

    def earlier(self, stage: str, config: dict[str, Any], reason: str = "") -> pl.DataFrame:
        """See `Records.earlier`."""
        if self._earlier is not None and not reason:
            return self._earlier
        return pl.DataFrame(schema={"record_id": pl.String, "value": pl.String})

    @property
    def sketched(self) -> bool:
        """See `Records.sketched`; nothing is kept in memory."""
        return False

    def sketches(self, pick: Pick | None = None) -> pl.DataFrame:
        """See `Records.sketches`."""
        return pl.DataFrame(schema={"record_id": pl.String, "data": pl.Binary})

    def among(self, ids: pl.Series) -> FrameRecords:
        """See `Records.among`."""
        return FrameRecords(
            self._frame.filter(pl.col("record_id").is_in(ids.implode())), version=self.version
        )

    def _column(self, name: str) -> pl.Expr:
        if name in self._frame.columns:
            return pl.col(name)
        return pl.col("metadata").str.json_path_match(f"$['{name}']").alias(name)


def with_derived(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` (with `messages`) plus the derived columns prompt, answer and text."""
    is_answer = pl.element().struct.field("role").is_in(ANSWER_ROLES)
    content = pl.element().struct.field("content")

    def joined(condition: pl.Expr | None) -> pl.Expr:
        kept = content if condition is None else pl.element().filter(condition).struct.field("content")
        return pl.col("messages").list.eval(kept).list.join("\n")

    return frame.with_columns(prompt=joined(~is_answer), answer=joined(is_answer), text=joined(None))
