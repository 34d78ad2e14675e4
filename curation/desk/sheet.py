"""The desk over a file: items out as CSV or JSON Lines, the same file back with answers, one copy a person.

A row counts as answered when its `annotator` is filled in. A bad row is named by its line, and nothing is taken over
until all rows are good. In CSV an answer is written

    label, text   as it is               rating   a number            several labels   wrong; unclear
    ranking       helpful > honest = harmless
    span          EMAIL_ADDRESS: jane@example.com; PERSON: Jane      (every place where it stands)

A cell that a spreadsheet would take for a formula gets a ' before it, which is taken off again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curation.desk.answers import SUBMITTED, Answer
from curation.desk.config import DeskConfig
from curation.desk.questions import wrong
from curation.desk.settings import Kind, QuestionConfig, QuestionsConfig
from curation.desk.show import FIELDS, Item, shown_hash
from data.errors import UserError
from data.records import digest
from data.trouble import check_file

PERSON, SUGGESTED = "annotator", "suggested_"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
LISTED = 10


def path_of(desk: DeskConfig) -> Path:
    """The file that is written."""
    return Path(desk.file).expanduser()


def check(desk: DeskConfig) -> None:
    """Raise UserError where the file cannot be made, or is there already."""
    path = path_of(desk)
    check_file(path, "name another file: desk.file=FILE")
    if path.exists():
        raise UserError(
            f"{path} exists already, and may hold answers", "name another file: desk.file=FILE dataset=NAME"
        )


def write(desk: DeskConfig, questions: QuestionsConfig, items: list[Item]) -> int:
    """Write the items, whole or not at all; a file that exists is never written over. Returns the rows."""
    check(desk)
    path = path_of(desk)
    text = _csv(questions, items) if path.suffix.lower() == ".csv" else _jsonl(questions, items)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return len(items)


def _csv(questions: QuestionsConfig, items: list[Item]) -> str:
    fields = [name for name in FIELDS[questions.layout] if any(item.fields.get(name) for item in items)]
    suggested = [name for name in questions.ask if any(name in item.suggestions for item in items)]
    out = io.StringIO()
    writer = csv.writer(out)
    columns = ["item", "shown", "why", *fields, *(SUGGESTED + name for name in suggested)]
    writer.writerow([*columns, PERSON, *questions.ask])
    for item in items:
        hints = [
            _written(questions.ask[name], item.suggestions[name].value, item.fields)
            if name in item.suggestions
            else ""
            for name in suggested
        ]
        shown = [item.fields.get(name, "") for name in fields]
        cells = [item.item, item.shown_hash, item.why, *shown, *hints]
        writer.writerow([*map(_guarded, cells), "", *("" for _ in questions.ask)])
    return "\ufeff" + out.getvalue()  # by this mark spreadsheets know UTF-8


def _jsonl(questions: QuestionsConfig, items: list[Item]) -> str:
    rows = [
        {
            "item": item.item,
            "shown": item.shown_hash,
            "why": item.why,
            "fields": item.fields,
            "suggestions": {name: s.value for name, s in item.suggestions.items()},
            PERSON: "",
            "answers": dict.fromkeys(questions.ask),
        }
        for item in items
    ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read(
    desk: DeskConfig, dataset: str, questions: QuestionsConfig, items: dict[str, dict[str, Any]]
) -> list[Answer]:
    """The answers of all files that `desk.file` names (a glob, where each person has a copy).

    `items` is what was pushed, by name. Raises UserError that lists the bad rows by file and line.
    """
    pattern = path_of(desk)
    paths = sorted(path for path in pattern.parent.glob(pattern.name) if path.is_file())
    if not paths:
        raise UserError(f"there is no file {desk.file}", "name it, or a pattern: desk.file='answers/*.csv'")
    answers: dict[str, tuple[Answer, str]] = {}
    bad: list[str] = []
    for path in paths:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
        for line, row in _rows(path, questions):
            where = f"{path.name} line {line}"
            person = str(row.get(PERSON) or "").strip()
            if not person:
                continue
            try:
                values = _values(row, questions, items)
            except ValueError as error:
                bad.append(f"{where}: {error}")
                continue
            item = str(row["item"])
            response = digest(f"{dataset}\n{item}\n{person.casefold()}", hex_digits=16)
            stale = _changed(row, questions, items[item]["shown_hash"])
            answer = Answer(response, item, person.casefold(), SUBMITTED, values, changed, stale)
            before = answers.get(response)
            if before is not None and before[0].values != values:
                bad.append(f"{where}: {item} was answered otherwise by the same annotator in {before[1]}")
            answers[response] = (answer, where)
    if bad:
        more = [f"... and {len(bad) - LISTED:,} more"] if len(bad) > LISTED else []
        raise UserError(
            f"{len(bad):,} rows cannot be used; nothing was taken over", *bad[:LISTED], *more,
            "mend them, and pull again",
        )  # fmt: skip
    return [answer for answer, _ in answers.values()]


def _rows(path: Path, questions: QuestionsConfig) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, row) of a file; answers of a JSON Lines row stand under their question's name. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8", "save it as: CSV UTF-8") from None
    if path.suffix.lower() == ".jsonl":
        # Not splitlines: it would part texts at separators that JSON leaves as they are (U+2028, U+0085).
        for line, raw in enumerate(text.split("\n"), 1):
            if raw.strip():
                yield line, _json_row(raw)
        return
    first = text.partition("\n")[0]
    csv.field_size_limit(
        max(len(text) + 1, csv.field_size_limit())
    )  # texts may be longer than the 131,072 that it takes by itself
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    line = 0
    try:
        header = next(reader, [])
        missing = [name for name in ("item", PERSON, *questions.ask) if name not in header]
        if missing:
            raise UserError(f"{path} has no column {missing[0]}", f"it has: {', '.join(header)}")
        line = reader.line_num
        for cells in reader:
            row = dict(zip(header, map(_bare, cells), strict=False))
            yield line + 1, row
            line = reader.line_num
    except csv.Error as error:  # a quote that is never closed would swallow all rows that follow
        raise UserError(
            f"{path.name} line {line + 1}: no CSV from there on ({error}); nothing was taken over",
            'a text with a comma, a quote or a new line stands in quotes, and a quote in it twice: "say ""no"""',
        ) from None


def _json_row(raw: str) -> dict[str, Any]:
    try:
        row = json.loads(raw)
        row = {**row, **(row.get("answers") or {})}
        if isinstance(row.get("fields") or {}, dict):
            return row
    except (ValueError, TypeError, AttributeError):
        pass
    return {PERSON: "?", "broken": True}


def _changed(row: dict[str, Any], questions: QuestionsConfig, pushed: str) -> bool:
    """Whether the row is of another text than was pushed; columns that were deleted say nothing."""
    texts = row.get("fields") or row
    shown = {n: str(texts[n]).replace("\r\n", "\n") for n in FIELDS[questions.layout] if texts.get(n)}
    return str(row.get("shown") or pushed) != pushed or (bool(shown) and shown_hash(shown) != pushed)


def _values(
    row: dict[str, Any], questions: QuestionsConfig, items: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The answers of a row. Raises ValueError that says what is wrong."""
    if row.get("broken"):
        raise ValueError("no JSON object as it was written")
    if str(row.get("item")) not in items:
        raise ValueError(f"no item '{row.get('item')}' was pushed to this dataset")
    texts = row.get("fields") or row
    text = str(texts.get("text") or "")
    values: dict[str, Any] = {}
    for name, question in questions.ask.items():
        raw = row.get(name)
        if raw is None or raw in ("", []):
            if question.required:
                raise ValueError(f"{name} is empty")
            if question.kind is Kind.span:
                values[name] = []
            continue
        value = _parsed(question, raw, text) if isinstance(raw, str) else raw
        length = len(text) if question.kind is Kind.span else None
        if problem := wrong(question, value, length):
            # Marked spans may be personal data.
            said = "a mark" if question.kind is Kind.span else f"'{str(raw)[:40]}'"
            raise ValueError(f"{name}: {said} cannot be used; {problem}")
        values[name] = value
    return values


def _parsed(question: QuestionConfig, cell: str, text: str) -> Any:
    """A cell as the value of its question; what cannot be read comes back as it is, and is wrong then."""
    cell = cell if question.kind is Kind.text else cell.strip()
    match question.kind:
        case Kind.rating:
            number = cell.removesuffix(".0")
            return int(number) if number.isdecimal() else cell
        case Kind.multi_label_selection:
            return [part.strip() for part in cell.split(";") if part.strip()]
        case Kind.ranking:
            groups = [group.split("=") for group in cell.split(">")]
            return [
                {"value": one.strip(), "rank": 1 + sum(len(g) for g in groups[:place])}
                for place, group in enumerate(groups)
                for one in group
            ]
        case Kind.span:
            return _spans(question, cell, text)
        case _:
            return cell


def _spans(question: QuestionConfig, cell: str, text: str) -> Any:
    spans = []
    for part in cell.replace("\n", ";").split(";"):
        label, _, words = (piece.strip() for piece in part.partition(":"))
        if not part.strip():
            continue
        if label not in question.labels or not words or words not in text:
            return part
        at = text.find(words)
        while at >= 0:
            spans.append({"start": at, "end": at + len(words), "label": label})
            at = text.find(words, at + len(words))
    return spans


def _written(question: QuestionConfig, value: Any, fields: dict[str, str]) -> str:
    """A value as the cell that `_parsed` reads."""
    match question.kind:
        case Kind.multi_label_selection:
            return "; ".join(value)
        case Kind.ranking:
            return " > ".join(one["value"] for one in sorted(value, key=lambda one: one["rank"]))
        case Kind.span:
            return "; ".join(f"{s['label']}: {fields['text'][s['start'] : s['end']]}" for s in value)
        case _:
            return str(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def _bare(cell: str) -> str:
    """What `_guarded` was given; an apostrophe that somebody wrote ('Twas) stays."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell
