"""Raw rows of a file, each with its line (or item) number; a row that cannot be read is a Reject, not an exception."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from data.errors import SourceError, closest
from data.load.config import Format, SourceConfig
from data.load.header import listed

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """Why one raw row is left out. `reason` is a key of REJECT_REASONS; `detail` holds no content of the row."""

    reason: str
    detail: str = ""


REJECT_REASONS = {
    "broken_json": "the line is not valid JSON",
    "not_an_object": "the JSON value is not an object with named fields",
    "bad_encoding": "the bytes are not valid text in the source's encoding",
    "wrong_columns": "the row has more or fewer columns than the header",
    "too_long": "the row is longer than source.max_row_chars",
    "missing_field": "a field that makes the record is not there",
    "wrong_type": "a field holds a value of another kind than text",
    "empty_prompt": "the prompt or text is empty",
    "empty_answer": "the answer is empty",
    "bad_messages": "the list of messages cannot be read: role or content is missing or unknown",
}


@dataclass(frozen=True, slots=True)
class Start:
    """Where reading a grown file goes on: bytes and lines to pass over."""

    offset: int = 0
    line: int = 0


_BY_SUFFIX = {
    ".jsonl": Format.jsonl, ".ndjson": Format.jsonl, ".json": Format.json, ".csv": Format.csv, ".tsv": Format.tsv,
    ".tab": Format.tsv, ".parquet": Format.parquet, ".pq": Format.parquet,
}  # fmt: skip


def rows(path: Path, config: SourceConfig, start: Start | None = None) -> Iterator[tuple[int, Row | Reject]]:
    """(line, row or Reject) of one file, of a JSON Lines file from `start` on.

    Raises SourceError where the file as a whole cannot be read.
    """
    kind = config.format if config.format != Format.auto else format_of(path)
    if kind == Format.parquet:
        return _parquet(path)
    _refuse_binary(path)
    if kind == Format.jsonl:
        return _jsonl(path, config, start)
    if kind == Format.json:
        return _json(path, config)
    return _delimited(path, config, kind)


def is_data_file(path: Path) -> bool:
    """Whether the file's name says that rows are in it."""
    return _suffix(path) in _BY_SUFFIX


def _suffix(path: Path) -> str:
    return (path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix).lower()


def format_of(path: Path) -> Format:
    """The format by the file's name. Raises SourceError for a name that says nothing."""
    suffix = _suffix(path)
    found = _BY_SUFFIX.get(suffix)
    if found is None:
        raise SourceError(
            f"{path}: cannot tell the format from the name '{path.name}'",
            f"say it: source.format=jsonl   {closest(suffix.strip('.'), [f.value for f in Format])}",
        )
    return found


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _refuse_binary(path: Path) -> None:
    try:
        with _open(path) as file:
            head = file.read(8192)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise SourceError(f"{path}: cannot be read: {error}", "check the file and its rights") from None
    if not head:
        raise SourceError(f"{path}: the file is empty", "check that it was written to its end")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(
            f"{path}: a binary file, not text",
            "Parquet needs the ending .parquet or source.format=parquet; a gzip needs the ending .gz",
        )


def _lines(path: Path, start: Start | None = None) -> Iterator[tuple[int, bytes]]:
    with _open(path) as file:
        try:
            if start is not None:
                file.seek(start.offset)
            for number, line in enumerate(file, 1 + (start.line if start else 0)):
                content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                yield number, content.rstrip(b"\r\n")
        except (EOFError, OSError, gzip.BadGzipFile) as error:
            raise SourceError(
                f"{path}: ends early or is damaged: {error}", "copy or unpack it again"
            ) from None


def _jsonl(path: Path, config: SourceConfig, start: Start | None) -> Iterator[tuple[int, Row | Reject]]:
    for number, raw in _lines(path, start):
        if not raw.strip():
            continue
        if len(raw) > config.max_row_chars * 4:
            yield number, Reject("too_long", f"{len(raw)} bytes")
            continue
        try:
            text = raw.decode(config.encoding)
        except UnicodeDecodeError as error:
            yield number, Reject("bad_encoding", f"byte {error.start} is not {config.encoding}")
            continue
        yield number, _object(text)


def _object(text: str) -> Row | Reject:
    try:
        value = json.loads(text, parse_constant=lambda name: None)
    except json.JSONDecodeError as error:
        return Reject("broken_json", f"{error.msg} at column {error.colno}")
    except RecursionError:
        return Reject("broken_json", "nested too deeply")
    except ValueError as error:
        return Reject("broken_json", str(error)[:80])
    return value if isinstance(value, dict) else Reject("not_an_object", f"a JSON {type(value).__name__}")


def _json(path: Path, config: SourceConfig) -> Iterator[tuple[int, Row | Reject]]:
    with _open(path) as file:
        content = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        value = json.loads(content.decode(config.encoding), parse_constant=lambda name: None)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path}: byte {error.start} is not {config.encoding}",
            "name the encoding: source.encoding=latin-1",
        ) from None
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{path}: not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            "a file with one object a line is JSON Lines: source.format=jsonl",
        ) from None
    if isinstance(value, dict):
        lists = {key: item for key, item in value.items() if isinstance(item, list)}
        if len(lists) != 1:
            raise SourceError(
                f"{path}: a JSON object with {len(lists)} lists; one list of rows is wanted",
                "a file with one object a line is JSON Lines: source.format=jsonl",
            )
        value = next(iter(lists.values()))
    if not isinstance(value, list):
        raise SourceError(f"{path}: holds a JSON {type(value).__name__}, not a list of rows")
    for number, item in enumerate(value, 1):
        yield (
            number,
            item if isinstance(item, dict) else Reject("not_an_object", f"a JSON {type(item).__name__}"),
        )


def _delimited(path: Path, config: SourceConfig, kind: Format) -> Iterator[tuple[int, Row | Reject]]:
    csv.field_size_limit(sys.maxsize)
    with _open(path) as binary:
        # Bytes that are not text become surrogates, so that one bad row does not end the file.
        text = io.TextIOWrapper(binary, encoding=config.encoding, errors="surrogateescape", newline="")
        first = text.readline().removeprefix("\ufeff")
        delimiter = config.delimiter or _delimiter(first, kind)
        lines = _chained(first, text)
        reader = csv.reader(lines, delimiter=delimiter, quoting=_quoting(config))
        names = list(config.column_names) or _names(config, first, reader, delimiter)
        if len(set(names)) < len(names):
            raise SourceError(
                f"{path}: two columns have the same name in the header ({listed(names)})",
                "a file without a header line needs source.column_names=[...]",
            )
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield start, Reject("wrong_columns", str(error))
                continue
            if cells:
                yield start, _cells(cells, names)


def _names(config: SourceConfig, first: str, reader: Iterator[list[str]], delimiter: str) -> list[str]:
    if config.header:
        return [name.strip() for name in next(reader)]
    width = len(next(csv.reader([first], delimiter=delimiter, quoting=_quoting(config))))
    return [str(number) for number in range(1, width + 1)]


def _quoting(config: SourceConfig) -> Literal[0, 3]:
    return csv.QUOTE_MINIMAL if config.quoting else csv.QUOTE_NONE


def _cells(cells: list[str], names: list[str]) -> Row | Reject:
    if len(cells) != len(names):
        return Reject("wrong_columns", f"{len(cells)} columns, {len(names)} expected")
    return dict(zip(names, cells, strict=True))


def _chained(first: str, rest: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(header: str, kind: Format) -> str:
    if kind == Format.tsv:
        return "\t"
    return max(",;\t|", key=header.count) if any(c in header for c in ",;\t|") else ","


def _parquet(path: Path) -> Iterator[tuple[int, Row | Reject]]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        file = pq.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise SourceError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from None
    number = 0
    for batch in file.iter_batches(batch_size=10_000):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def hub_rows(name: str, config: SourceConfig) -> Iterator[tuple[int, Row | Reject]]:
    """Rows of a hub data set (`owner/name`) or of a local folder that `datasets` understands."""
    from datasets import load_dataset

    try:
        dataset = load_dataset(name, config.hub_subset or None, split=config.hub_split, streaming=True)
    except Exception as error:  # the library raises many kinds
        raise SourceError(
            f"source.path={name}: the data set cannot be loaded: {str(error).splitlines()[0][:200]}",
            "check the name, source.hub_subset and source.hub_split, and that there is a network",
        ) from None
    for number, row in enumerate(dataset, 1):
        yield number, dict(row)
