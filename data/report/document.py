"""The Report: one document as data, written as a self-contained HTML file and as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.facts import Fact
from data.report.blocks import Chart, Section
from data.trouble import made

FORMAT = "tuneproof-report/1"


def created_now() -> str:
    """UTC, `2026-11-24T08:00:00Z`; from SOURCE_DATE_EPOCH (seconds) where it is set, so that files repeat."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(kw_only=True, slots=True)
class Report:
    """One document.

    title, kicker   the kicker is the small line above the title: what kind of report this is
    subject         what was examined: ids, versions, hashes, in the order they are shown
    outcome         an Outcome value, or a decision such as BETTER (outcomes.WORDS draws it)
    outcome_note    one line beside it; empty: the general meaning of the word
    summary         a paragraph in plain words, for a reader who stops after it
    not_examined    one sentence each; an empty list is said in words
    reproduce       commands that give this report again
    facts           the stored facts behind it; they go into the JSON
    created         UTC time; see `created_now`
    """

    title: str
    kicker: str = ""
    subject: Mapping[str, str] = field(default_factory=dict)
    outcome: str = ""
    outcome_note: str = ""
    summary: str = ""
    sections: Sequence[Section] = field(default_factory=list)
    not_examined: Sequence[str] = field(default_factory=list)
    reproduce: Sequence[str] = field(default_factory=list)
    facts: Sequence[Fact] = field(default_factory=list)
    created: str = field(default_factory=created_now)

    def html(self) -> str:
        """The whole report as one HTML document: no script, no external file."""
        from data.report.html import render

        return render(self)

    def json(self) -> str:
        """The report as JSON with sorted keys: equal reports give equal bytes."""
        body = {"format": FORMAT, **{f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}}
        return json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"

    def write(self, folder: str | Path, stem: str) -> dict[str, Path]:
        """Write `<stem>.html` and `<stem>.json` into `folder` (made if absent); returns their paths."""
        target = made(Path(folder), "name another folder: out=FOLDER")
        paths = {"html": target / f"{stem}.html", "json": target / f"{stem}.json"}
        paths["html"].write_text(self.html(), encoding="utf-8", newline="\n")
        paths["json"].write_text(self.json(), encoding="utf-8", newline="\n")
        return paths


def plain(value: Any) -> Any:  # noqa: PLR0911 - a table of cases
    """`value` as JSON-able data: dataclasses with their type named, charts as words and numbers, NaN as null."""
    if isinstance(value, Chart):
        return {
            "type": "Chart",
            "caption": value.caption,
            "alt": value.alt,
            "rows": [plain(dict(row)) for row in value.rows],
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return pairs if isinstance(value, Fact) else {"type": type(value).__name__, **pairs}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        return plain(value.item())
    return str(value)
