"""Raw files -> records and rejects, in batches of bounded size."""

from __future__ import annotations

import glob
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from data.errors import SourceError
from data.load.config import Format, SourceConfig
from data.load.formats import Reject, Row, hub_rows, is_data_file, rows
from data.load.growth import SAMPLE_ROWS, Before
from data.load.shapes import Mapping, messages_of, recognise, text_field
from data.records import RECORD_SCHEMA, canonical_json, digest

BATCH_ROWS = 20_000
# Above this share of bad rows no reader is told to allow them.
MOST_TO_ALLOW = 0.2
REJECT_SCHEMA = {"file": pl.String, "line": pl.Int64, "reason": pl.String, "detail": pl.String}
LOADED_SCHEMA = {name: kind for name, kind in RECORD_SCHEMA.items() if name not in ("split", "ingest_number")}


def source_files(config: SourceConfig) -> list[Path]:
    """The files that `source.path` names, sorted. Raises SourceError for a name that matches nothing."""
    if not config.path:
        raise SourceError("source.path is not set", "name the raw data: python -m curation source.path=FILE")
    found: list[Path] = []
    for name in config.path:
        path = Path(name).expanduser()
        if path.is_dir():
            inside = _inside(path)
            wanted = [p for p in inside if is_data_file(p)]
            if config.format != Format.auto:
                wanted = wanted or inside
            if not wanted:
                names = ", ".join(p.name for p in inside[:8]) or "no file"
                raise SourceError(
                    f"source.path={name}: the folder holds no data file, but {names}",
                    "read are .jsonl, .json, .csv, .tsv, .parquet, also .gz; another ending: source.format=jsonl",
                )
            found += wanted
        elif path.exists():
            found.append(path)
        else:
            matches = sorted(Path(p) for p in glob.glob(str(path)))  # noqa: PTH207  (absolute patterns)
            if not matches:
                raise SourceError(f"source.path={name}: no such file", _neighbours(path))
            found += matches
    return list(dict.fromkeys(found))


def left_out(config: SourceConfig) -> list[Path]:
    """Files of folders in `source.path` that are not read, because their names do not say that rows are in them."""
    folders = [path for name in config.path if (path := Path(name).expanduser()).is_dir()]
    read = set(source_files(config)) if folders else set()
    return [path for folder in folders for path in _inside(folder) if path not in read]


def _inside(folder: Path) -> list[Path]:
    """All files in and under `folder`, but for hidden ones."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )


def _neighbours(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist either"
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))[:8]
    return f"files in {folder}: {', '.join(names) or 'none'}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, by large pieces: after each this thread may wait until others let it go on."""
    total, piece = hashlib.sha256(), bytearray(16 << 20)
    with path.open("rb") as file:
        while size := file.readinto(piece):
            total.update(memoryview(piece)[:size])
    return total.hexdigest()


@dataclass(slots=True)
class Loader:
    """Iterates over (records, rejects) frames of all files of a source.

    `read` and `rejected` count rows a file while iterating; `reject_list` keeps every reject. What was read `before`
    is not read again; `digests` are the SHA-256 of files, by path, where they are known.
    Raises SourceError at the end where more than `max_reject_fraction` of the rows were rejected.
    """

    config: SourceConfig
    on_rows: Callable[[int], None] = lambda done: None
    before: Before = field(default_factory=Before)
    digests: dict[str, str] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    reject_list: list[dict[str, Any]] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)
    _source_name: str = ""

    def __iter__(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        if self.config.format == Format.hub:
            for name in self.config.path:
                self.read[name] = self.rejected[name] = 0
                yield from self._file(name, hub_rows(name, self.config))
        else:
            for path in source_files(self.config):
                name = str(path)
                self.read[name], self.rejected[name] = self.before.files.get(name, (0, 0))
                start = self.before.start.get(name)
                if start:
                    yield from self._file(name, rows(path, self.config), rows(path, self.config, start))
                elif name not in self.before.files:
                    yield from self._file(name, rows(path, self.config))
        self._judge_rejects()

    def files(self) -> list[dict[str, Any]]:
        """What the store keeps of each file: file, sha256, bytes, rows (good ones), rejected."""
        return [
            {
                "file": name,
                "sha256": self.digests.get(name) or (sha256_of(Path(name)) if Path(name).is_file() else ""),
                "bytes": Path(name).stat().st_size if Path(name).is_file() else 0,
                "rows": count - self.rejected[name],
                "rejected": self.rejected[name],
            }
            for name, count in self.read.items()
        ]

    def _file(
        self,
        name: str,
        raw: Iterator[tuple[int, Row | Reject]],
        rest: Iterator[tuple[int, Row | Reject]] | None = None,
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Frames of a file's rows; with `rest` of these, and `raw` only tells how they are to be read."""
        if self.config.limit:
            raw = islice(raw, self.config.limit)
        head = list(islice(raw, SAMPLE_ROWS))
        sample = [row for _, row in head if not isinstance(row, Reject)]
        if not head:
            raise SourceError(f"{name}: no rows", "check that the file was written to its end")
        if not sample:
            first = head[0][1]
            assert isinstance(first, Reject)
            raise SourceError(
                f"{name}: none of the first {len(head)} rows can be read (line {head[0][0]}: {first.reason}, "
                f"{first.detail})",
                *self._unreadable(first.reason, name),
            )
        mapping = recognise(sample, self.config, name)
        self._source_name = self.config.name or Path(name).name.split(".")[0]
        everything = chain(head, raw) if rest is None else rest
        while batch := list(islice(everything, BATCH_ROWS)):
            yield self._frames(name, batch, mapping)
            self.on_rows(len(batch))

    def _unreadable(self, reason: str, name: str) -> list[str]:
        if reason == "bad_encoding":
            return ["name the encoding: source.encoding=latin-1   (or cp1252, ...)"]
        hints = ["is the format right? source.format=jsonl|json|csv|tsv|parquet"]
        if name not in self.config.path:
            hints.append(f"or leave the file out: source.path='{Path(name).parent}/*{Path(name).suffix}'")
        return hints

    def _frames(
        self, name: str, batch: list[tuple[int, Row | Reject]], mapping: Mapping
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        records: list[dict[str, Any]] = []
        rejects: list[dict[str, Any]] = []
        consumed = mapping.consumed
        for line, row in batch:
            made = row if isinstance(row, Reject) else self._record(row, mapping, consumed, name)
            if isinstance(made, Reject):
                rejects.append({"file": name, "line": line, "reason": made.reason, "detail": made.detail})
            else:
                made["line"] = line
                records.append(made)
        self._identify(records)
        self.read[name] += len(batch)
        self.rejected[name] += len(rejects)
        self.reject_list += rejects
        return pl.DataFrame(records, schema=LOADED_SCHEMA), pl.DataFrame(rejects, schema=REJECT_SCHEMA)

    def _record(self, row: Row, mapping: Mapping, consumed: set[str], name: str) -> dict[str, Any] | Reject:
        made = messages_of(row, mapping)
        if isinstance(made, Reject):
            return made
        kind, messages, label = made
        if sum(len(m["content"]) for m in messages) > self.config.max_row_chars:
            return Reject("too_long", f"over {self.config.max_row_chars} characters")
        columns = mapping.columns
        about = {
            "source": text_field(row, columns, "source") or self._source_name,
            "licence": text_field(row, columns, "licence") or self.config.licence or None,
            "language": text_field(row, columns, "language") or self.config.language or None,
            "timestamp": text_field(row, columns, "timestamp"),
        }
        rest = _rest(row, consumed)
        try:
            metadata = canonical_json(rest) if rest else "{}"
            body = canonical_json([[m["role"], m["content"]] for m in messages])
            body_hash = digest(body.encode("utf-8"))
            content = digest(canonical_json([body_hash, label, about, metadata]).encode("utf-8"))
        except UnicodeEncodeError:
            return Reject("bad_encoding", f"characters that are not {self.config.encoding}")
        except (TypeError, ValueError):
            return Reject("wrong_type", "a field holds a value that JSON cannot express")
        return {
            "record_id": content,
            "text_hash": body_hash,
            "kind": kind.value,
            "messages": messages,
            "label": label,
            **about,
            "metadata": metadata,
            "file": name,
        }

    def _identify(self, records: list[dict[str, Any]]) -> None:
        """Record ids from digests of content: which of the equal rows it is, those read before counted in."""
        new = dict.fromkeys(r["record_id"] for r in records if r["record_id"] not in self._seen)
        if new and self.before.files:
            self._count_before(list(new))
        for record in records:
            content = record["record_id"]
            occurrence = self._seen.get(content, 0)
            self._seen[content] = occurrence + 1
            record["record_id"] = _record_id(content, occurrence)

    def _count_before(self, contents: list[str]) -> None:
        occurrence = 0
        while contents:
            ids = {_record_id(content, occurrence): content for content in contents}
            contents = [ids[identity] for identity in self.before.present(ids.keys())]
            occurrence += 1
            self._seen.update(dict.fromkeys(contents, occurrence))

    def _judge_rejects(self) -> None:
        read, rejected = sum(self.read.values()), sum(self.rejected.values())
        if rejected <= read * self.config.max_reject_fraction:
            return
        counts: dict[str, int] = {}
        for reject in self.reject_list:
            counts[reject["reason"]] = counts.get(reject["reason"], 0) + 1
        listing = ", ".join(f"{reason} x{n}" for reason, n in sorted(counts.items(), key=lambda kv: -kv[1]))
        first = [f"{r['file']} line {r['line']}: {r['reason']} ({r['detail']})" for r in self.reject_list[:3]]
        raise SourceError(
            f"{rejected} of {read} rows cannot be used ({rejected / read:.1%}, allowed "
            f"{self.config.max_reject_fraction:.1%}): {listing}",
            *first,
            *_ways_out(rejected / read),
        )


# A row of `python -m data export`: read again it is the record that it was, and not a record about one.
EXPORTED = {"record_id", "kind", "messages", "metadata"}


def _rest(row: Row, consumed: set[str]) -> dict[str, Any]:
    """The columns that no part of a record was made of."""
    rest = {key: value for key, value in row.items() if key not in consumed and value is not None}
    if not row.keys() >= EXPORTED:
        return rest
    inner = rest.pop("metadata", None)
    if isinstance(inner, str):  # a Parquet file holds it as JSON
        inner = json.loads(inner)
    for name in ("record_id", "kind", "split"):
        rest.pop(name, None)
    return {**(inner or {}), **rest}


def _ways_out(fraction: float) -> list[str]:
    if fraction > MOST_TO_ALLOW:
        return [
            "so many point to the mapping: source.fields.prompt=COLUMN, or source.shape=..., or source.format=..."
        ]
    enough = math.ceil(fraction * 100) / 100
    return [f"mend the rows or the mapping, or allow more: source.max_reject_fraction={enough:g}"]


def _record_id(content: str, occurrence: int) -> str:
    return digest(f"{content} {occurrence}", hex_digits=16)
