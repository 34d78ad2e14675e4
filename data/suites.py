"""Evaluation items, read from the files that hold them: for decontamination, and for evaluating.

    items("gsm8k/test.jsonl")                      JSON lines, a JSON array, CSV, TSV or Parquet; also .gz
    items("gsm8k_train.tsv", ["1"])                columns by position (from 1): the file has no header line
    items("tasks/gsm8k.yaml")                      an lm-eval task file: the data files that it names
    items("conf/eval/suite/demo.yaml")             a suite of ours: the files of its `data` (task -> file)
    items("conf/eval/suite")                       a folder of such task files, or of data files

TSV cells are taken as they stand (IANA text/tab-separated-values has no quoting); CSV cells may be quoted.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from data.errors import SourceError, closest
from data.load.config import SourceConfig
from data.load.formats import REJECT_REASONS, Reject, Row, rows

ITEM_SCHEMA: dict[str, type[pl.DataType]] = {"task": pl.String, "item": pl.Int64, "text": pl.String}

# What a question is called, most telling name first; compared without regard to case. Only the first one
# that a file has is read, since the later names mean other things beside the earlier (`source` may be a URL).
QUESTION_COLUMNS = (
    "question", "prompt", "instruction", "query", "problem", "input", "text", "sentence",
    "goal", "ctx", "mr", "source", "src", "document", "messages",
)  # fmt: skip
DATA_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
TASK_SUFFIXES = (".yaml", ".yml")
_POSITIONS = """a file without a header line takes positions: 'decontaminate.columns=["1"]'"""


def items(path: str | Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The evaluation items of a file or folder: columns task (str), item (int, from 0), text (str).

    task     the file's name without its suffixes, or the name that an lm-eval task file gives itself
    item     the row's number in its file, from 0; with several `columns` an item has a row for each of them
    columns  names as the file spells them, or positions from "1" for a file without a header line;
             None takes the first of QUESTION_COLUMNS that the file has

    Empty cells give no row. Raises SourceError for a missing, unreadable or unknown file, and for a column
    that is not there.
    """
    frames = [_read(file, columns) for file in files(path)]
    found = pl.concat([frame for frame in frames if frame is not None] or [pl.DataFrame(schema=ITEM_SCHEMA)])
    if found.is_empty():
        raise SourceError(
            f"no evaluation items in {path}", "it is empty, or every cell of its question column is"
        )
    return found


def files(path: str | Path) -> list[Path]:
    """The files that `items` reads for `path`: itself, or a folder's task files, else its data files."""
    start = Path(path).expanduser()
    if not start.exists():
        raise SourceError(
            f"no such evaluation file: {path}", "give a data file, a task file or a folder of them"
        )
    if not start.is_dir():
        return [start]
    inside = sorted(p for p in start.rglob("*") if p.is_file())
    tasks = [p for p in inside if p.suffix in TASK_SUFFIXES]
    found = tasks or [p for p in inside if _data_suffix(p) in DATA_SUFFIXES]
    if not found:
        raise SourceError(f"no evaluation files in the folder {path}", f"read are {', '.join(DATA_SUFFIXES)}")
    return found


def files_read(path: str | Path) -> list[Path]:
    """Every file that `items` reads for `path`: `files`, and the data files that task files and suites name."""
    found: list[Path] = []
    for file in files(path):
        found.append(file)
        if file.suffix in TASK_SUFFIXES and file.is_file():
            task = load_task(file)
            suite = task.get("data")
            found += _suite_files(file, suite).values() if isinstance(suite, dict) else data_files(file, task)
    return found


def _read(file: Path, columns: Sequence[str] | None) -> pl.DataFrame | None:
    if file.suffix in TASK_SUFFIXES:
        return _read_task(file, columns)
    return _select(_task_name(file), file, _rows(file, columns), columns)


def _select(task: str, file: Path, rows: Iterator[Row], columns: Sequence[str] | None) -> pl.DataFrame:
    """The text of the wanted columns of `rows`."""
    names: list[str] | None = None
    found: list[tuple[str, int, str]] = []
    for number, row in enumerate(rows):
        if names is None:
            names = _wanted(file, list(row), columns)
        cells = (_plain(row.get(name)) for name in names)
        found += [(task, number, cell) for cell in cells if cell.strip()]
    return pl.DataFrame(found, schema=ITEM_SCHEMA, orient="row")


def _wanted(file: Path, present: list[str], columns: Sequence[str] | None) -> list[str]:
    """The columns to read of those `present`."""
    # A first line of data taken for a header is not repeated: it may hold anything.
    likely = [name if re.fullmatch(r"\w[\w .()/-]{0,39}", name) else "..." for name in present[:20]]
    shown = ", ".join(likely)
    if columns:
        for name in columns:
            if name not in present:
                raise SourceError(
                    f"{file} has no column '{name[:60]}'; it has: {shown}",
                    closest(name, likely),
                    _POSITIONS,
                )
        return list(columns)
    lowered = {name.strip().lower(): name for name in reversed(present)}
    for name in QUESTION_COLUMNS:
        if name in lowered:
            return [lowered[name]]
    raise SourceError(
        f"{file} has no column that is known to hold a question; it has: {shown}",
        f"name one: decontaminate.columns=[NAME]; without it these are looked for: {', '.join(QUESTION_COLUMNS)}",
        _POSITIONS,
    )


def _plain(value: Any) -> str:
    """A cell as text: lists (choices, chat turns) a line each, other structures as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_plain(part) for part in value)
    if isinstance(value, dict):
        return _plain(value["content"]) if "content" in value else json.dumps(value, ensure_ascii=False)
    return str(value)


# Data files


def _data_suffix(file: Path) -> str:
    return Path(file.stem).suffix.lower() if file.suffix.lower() == ".gz" else file.suffix.lower()


def _task_name(file: Path) -> str:
    name = file.name[:-3] if file.suffix.lower() == ".gz" else file.name
    return Path(name).stem


def _rows(file: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    """The rows of a data file as dicts; a file without a header has the columns "1", "2", ...

    Read as raw training data is, but a row that cannot be read is an error: an item that goes missing is one that
    nobody looks for.
    """
    suffix = _data_suffix(file)
    if suffix not in DATA_SUFFIXES:
        raise SourceError(
            f"{file} is of an unknown kind '{suffix}'", f"read are {', '.join(DATA_SUFFIXES)}, also .gz"
        )
    headless = bool(columns) and all(name.isdigit() for name in columns or ())
    for line, row in rows(file, SourceConfig(header=not headless, quoting=suffix != ".tsv")):
        if isinstance(row, Reject):
            raise SourceError(f"{file}, line {line}: {REJECT_REASONS[row.reason]} ({row.detail})")
        yield row


# lm-eval task files


def _read_task(file: Path, columns: Sequence[str] | None) -> pl.DataFrame | None:
    """The items of an lm-eval task file or of a suite; None for a file that names no local data."""
    task = load_task(file)
    if isinstance(task.get("data"), dict):
        return _read_suite(file, task["data"], columns)
    sources = data_files(file, task)
    if not sources:
        return None
    name = task.get("task")
    label = name if isinstance(name, str) else _task_name(file)
    wanted = list(columns) if columns else asked_columns(task)
    frames = []
    for source in sources:
        rows = list(_rows(source, wanted))
        present = set(rows[0]) if rows else set()
        use = wanted if wanted and present.issuperset(wanted) else columns
        frames.append(_select(label, source, iter(rows), use))
    return pl.concat(frames)


def _read_suite(file: Path, data: Row, columns: Sequence[str] | None) -> pl.DataFrame | None:
    """The items of a suite's files, under the names of its tasks; a task on the `store` has no items here."""
    frames = [
        _select(task, path, _rows(path, columns), columns) for task, path in _suite_files(file, data).items()
    ]
    return pl.concat(frames) if frames else None


def _suite_files(file: Path, data: Row) -> dict[str, Path]:
    """Task -> its data file, for the tasks of a suite that have one."""
    return {str(task): _beside(file, str(name)) for task, name in data.items() if name != "store"}


def load_task(file: str | Path) -> Row:
    """An lm-eval task file with its `include`d file beneath it; `!function` values become None."""
    yaml: Any = importlib.import_module("yaml")  # has no type information
    # A safe loader that reads lm-eval's own tags, which would run code, as nothing.
    lenient: Any = type("LenientLoader", (yaml.SafeLoader,), {})
    lenient.add_multi_constructor("!", lambda loader, suffix, node: None)
    path = Path(file)
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=lenient)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path} cannot be read as a task file: {str(error).splitlines()[0]}") from error
    task: Row = loaded if isinstance(loaded, dict) else {}
    include = task.pop("include", None)
    if isinstance(include, str) and (path.parent / include).is_file():
        return {**load_task(path.parent / include), **task}
    return task


def data_files(file: Path, task: Row) -> list[Path]:
    """The local files of the split that a task tests on; relative paths start at the task file or here."""
    kwargs = task.get("dataset_kwargs")
    named = kwargs.get("data_files") if isinstance(kwargs, dict) else None
    if isinstance(named, dict):
        split = task.get("test_split") or task.get("validation_split")
        named = named[split] if split in named else [p for v in named.values() for p in _listed(v)]
    return [_beside(file, name) for name in _listed(named)]


def _beside(file: Path, name: str) -> Path:
    """The data file `name` that a task file names: relative to that file, to the working folder, or where we are."""
    ours = Path(__file__).parent.parent  # the suites that come with the project name its samples
    for path in (file.parent / name, Path(name).expanduser(), ours / name):
        if path.exists():
            return path
    raise SourceError(f"{file} names a data file that does not exist: {name}")


def _listed(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [] if value is None else [str(value)]


def asked_columns(task: Row) -> list[str]:
    """The columns that a task's `doc_to_text` shows the model: its name, or the names in its template."""
    shown = task.get("doc_to_text")
    if not isinstance(shown, str):
        return []
    inside = re.findall(r"\{\{\s*(?:doc\.)?([A-Za-z_]\w*)", shown)
    return list(dict.fromkeys(inside)) or ([shown] if re.fullmatch(r"\w+", shown) else [])
