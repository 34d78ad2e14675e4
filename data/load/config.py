"""What the source is and how its rows map to records: the `source` group of `python -m curation`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from data.errors import ConfigError


class Format(StrEnum):
    """How a file is read; `auto` goes by its name (`.jsonl`, `.json`, `.csv`, `.tsv`, `.parquet`, `.gz`)."""

    auto = "auto"
    jsonl = "jsonl"
    json = "json"
    csv = "csv"
    tsv = "tsv"
    parquet = "parquet"
    hub = "hub"


class Shape(StrEnum):
    """Which columns make the messages; `auto` recognises the first that fits, in this order."""

    auto = "auto"
    messages = "messages"
    prompt_completion = "prompt_completion"
    source_target = "source_target"
    labelled = "labelled"
    text = "text"
    mail = "mail"


@dataclass(kw_only=True, slots=True)
class FieldNames:
    """Which column holds what; empty means: look for the usual names.

    A dotted path reaches into nested JSON (`mail.body`, `instances.0.output`); a text with braces is filled from
    the row's columns (`'{rationale} The answer is {answer}.'`).
    """

    messages: str = ""
    system: str = ""
    prompt: str = ""
    input: str = ""
    answer: str = ""
    text: str = ""
    label: str = ""
    source: str = ""
    licence: str = ""
    language: str = ""
    timestamp: str = ""


@dataclass(kw_only=True, slots=True)
class SourceConfig:
    """The raw data.

    path                 a file, a folder, a glob, a list of those, or `owner/name` with format=hub
    format, shape        see Format and Shape
    fields               see FieldNames
    column_names         names of the columns of a CSV or TSV file without a header line
    header               whether its first line names the columns; without one and without column_names they are
                         called 1, 2, ...
    delimiter            one character; empty: by the format, and for CSV by what the first line holds
    quoting              whether `"` quotes in CSV and TSV
    encoding             of text files
    groups               columns whose groups audits compare (`[audience, region]`)
    name                 value of `source` where no column has it; empty: the file's name
    licence, language    values where no column has them
    max_reject_fraction  of rows (0 to 1); more bad rows than that stop the command
    max_row_chars        a longer row is rejected
    limit                read at most this many rows of each file; 0: all
    hub_subset, hub_split   for format=hub
    """

    path: Any = ""
    format: Format = Format.auto
    shape: Shape = Shape.auto
    fields: FieldNames = field(default_factory=FieldNames)
    column_names: list[str] = field(default_factory=list)
    header: bool = True
    delimiter: str = ""
    quoting: bool = True
    encoding: str = "utf-8"
    groups: list[str] = field(default_factory=list)
    name: str = ""
    licence: str = ""
    language: str = ""
    max_reject_fraction: float = 0.01
    max_row_chars: int = 1_000_000
    limit: int = 0
    hub_subset: str = ""
    hub_split: str = "train"

    def __post_init__(self) -> None:
        if isinstance(self.path, str):
            self.path = [self.path] if self.path else []
        if not isinstance(self.path, list) or not all(isinstance(p, str) for p in self.path):
            raise ConfigError(
                f"source.path={self.path}: not a path", "a file, a folder, a glob, or [a.jsonl,b.jsonl]"
            )
        if not 0 <= self.max_reject_fraction <= 1:
            raise ConfigError(
                f"source.max_reject_fraction={self.max_reject_fraction} is outside 0 to 1",
                "1 % is source.max_reject_fraction=0.01",
            )
        if len(self.delimiter) > 1:
            raise ConfigError(f"source.delimiter='{self.delimiter}' is not one character")
        if self.max_row_chars < 1:
            raise ConfigError(f"source.max_row_chars={self.max_row_chars} is below 1")
