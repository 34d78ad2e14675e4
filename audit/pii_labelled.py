"""Reading texts with labelled spans: presidio-research's JSON, or JSON Lines of `{text, spans: [{start, end, type}]}`.

A message about a wrong row names its place and what is wrong, never its text. Slices of a label are what the row, its
`metadata` or the span says under `origin`, `case`, `gender` or `locale`; the case of a name is seen where nothing says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from audit.pii_names import kind_of
from audit.pii_scores import Label
from data.errors import SourceError

WAYS = (
    'one object a line: {"text": "...", "spans": [{"start": 0, "end": 4, "type": "PERSON"}]}',
    "or a JSON list of presidio-research's full_text and spans",
)
# What presidio-research calls them.
SLICES = {
    "origin": ("origin", "name_origin", "NameSet"),
    "locale": ("locale", "country", "Country"),
    "case": ("case", "Case"),
    "gender": ("gender", "Gender"),
}


class Labelled(NamedTuple):
    """Texts, and the labels of each."""

    texts: list[str]
    labels: list[list[Label]]


def read(path: Path) -> Labelled:
    """The texts and labels of a file. Raises SourceError where it cannot be read or a label does not fit its text."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror}", "name the labelled file: pii.truth=FILE"
        ) from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8", *WAYS) from None
    rows = [_row(value, place) for place, value in _values(content, path)]
    if not rows:
        raise SourceError(f"{path} holds no texts", *WAYS)
    return Labelled([text for text, _ in rows], [labels for _, labels in rows])


def _values(content: str, path: Path) -> Iterator[tuple[str, Any]]:
    if content.lstrip()[:1] == "[":
        try:
            yield from (
                (f"{path}, entry {number}", value) for number, value in enumerate(json.loads(content), 1)
            )
        except ValueError as error:
            raise SourceError(f"{path} is not JSON ({_where(error)})", *WAYS) from None
        return
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield f"{path}:{number}", json.loads(line)
            except ValueError as error:
                raise SourceError(f"{path}:{number} is not JSON ({_where(error)})", *WAYS) from None


def _where(error: ValueError) -> str:
    """What is wrong, without the text that a JSONDecodeError quotes."""
    return f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else "unreadable"


def _row(value: Any, place: str) -> tuple[str, list[Label]]:
    if not isinstance(value, dict):
        raise SourceError(f"{place}: not an object", *WAYS)
    text = value.get("text", value.get("full_text"))
    spans = value.get("spans")
    if not isinstance(text, str) or not isinstance(spans, list):
        missing = "text" if not isinstance(text, str) else "spans"
        raise SourceError(f"{place}: no {missing}", *WAYS)
    about = {**_mapping(value.get("metadata")), **value}
    return text, [
        _label(span, text, about, f"{place}, span {number}") for number, span in enumerate(spans, 1)
    ]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _label(span: Any, text: str, about: Mapping[str, Any], place: str) -> Label:
    if not isinstance(span, dict):
        raise SourceError(f"{place}: not an object", *WAYS)
    start = span.get("start", span.get("start_position"))
    end = span.get("end", span.get("end_position"))
    kind = span.get("type", span.get("entity_type", span.get("label")))
    if not isinstance(kind, str) or not kind.strip():
        raise SourceError(f"{place}: no type", *WAYS)
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        edges = " and ".join(str(edge) if isinstance(edge, int) else "no number" for edge in (start, end))
        raise SourceError(
            f"{place}: start and end ({edges}) do not lie within the text of {len(text)} characters", *WAYS
        )
    return Label(kind, start, end, _slices(text[start:end], kind, {**about, **span}))


def _slices(value: str, kind: str, about: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = {
        name: str(said)
        for name, keys in SLICES.items()
        if (said := next((about[key] for key in keys if about.get(key) not in (None, "")), None)) is not None
    }
    if kind_of(kind) == "PERSON" and "case" not in found:
        found["case"] = "lower" if value.islower() else "upper" if value.isupper() else "as written"
    return tuple(sorted(found.items()))
