"""Blocks to HTML through the jinja2 templates beside this file; everything is escaped unless made here."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from data.report import theme
from data.report.blocks import Cell, Chart, SideBySide, Table
from data.report.outcomes import WORDS, word_of
from data.report.worddiff import marked
from data.report.wording import number

if TYPE_CHECKING:
    from data.report.document import Report

TEMPLATES = Path(__file__).parent / "templates"


def render(report: Report) -> str:
    """The whole document. The same report gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    numbers = itertools.count(1)
    environment.filters |= {"rich": rich, "cell": as_cell, "number": lambda value: unbroken(number(value))}
    environment.filters |= {"unbroken": unbroken}
    environment.tests["chart"] = lambda block: isinstance(block, Chart)
    environment.globals |= {
        "word_of": word_of,
        "kind_of": lambda block: type(block).__name__,
        "aligns": aligns,
        "svg": lambda chart: svg(chart, prefix=f"c{next(numbers)}"),
        "columns_of": columns_of,
        "csv_link": csv_link,
        "marked": marked_columns,
        "css": Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        "legend": legend(report),
    }
    return environment.get_template("report.html.j2").render(report=report)


def rich(text: str) -> Markup:
    """Escaped text in which `code` in backquotes is set as code and a blank line parts paragraphs."""
    paragraphs = [escape(unbroken(part.strip())) for part in re.split(r"\n\s*\n", text) if part.strip()]
    coded = [re.sub(r"`([^`]+)`", r"<code>\1</code>", str(part)) for part in paragraphs]
    return Markup("".join(f"<p>{part}</p>" for part in coded))


def unbroken(text: str) -> str:
    """`text` in which no line ends between a number and its per cent sign, or in `n = 3`."""
    return re.sub(r"(?<=\d) (?=%)|(?<=\bn) (?==)|(?<=\bn =) (?=\d)", "\u00a0", text)


def as_cell(value: Any) -> Cell:
    """A plain value as a Cell."""
    return value if isinstance(value, Cell) else Cell(value)


def aligns(table: Table) -> list[str]:
    """One alignment a column: the table's own, else right for columns in which every cell is a number."""
    if table.align is not None:
        return list(table.align)

    def numeric(column: int) -> bool:
        texts = [as_cell(row[column]).text for row in table.rows]
        return bool(texts) and all(isinstance(text, int | float) or text is None for text in texts)

    return ["right" if numeric(column) else "left" for column in range(len(table.columns))]


def svg(block: Chart, *, prefix: str) -> Markup:
    """The chart as inline SVG, named for screen readers; ids get a prefix, because a page holds several."""
    chart = block.chart() if callable(block.chart) and not hasattr(block.chart, "to_dict") else block.chart
    drawing = theme.to_svg(chart)
    drawing = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', drawing)
    drawing = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", drawing)
    label = f'<svg role="img" aria-label="{escape(block.alt)}" '
    return Markup(drawing.replace("<svg ", label, 1))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """All keys of `rows`, in order of first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def csv_link(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """A data: URI with `rows` as CSV. What a spreadsheet would run as a formula gets a quote before it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = columns_of(rows)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row.get(column)) for column in columns])
    return Markup("data:text/csv;base64," + base64.b64encode(buffer.getvalue().encode()).decode())


def _harmless(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def marked_columns(block: SideBySide) -> list[tuple[str, list[tuple[str, bool]], str]]:
    """(label, runs of (piece, differs), note) for every column."""
    texts = [text for _, text in block.columns]
    runs = marked(texts) if block.diff else [[(text, False)] for text in texts]
    notes = [*block.notes, *[""] * len(texts)]
    return [(label, run, note) for (label, _), run, note in zip(block.columns, runs, notes, strict=False)]


def legend(report: Report) -> list[str]:
    """The outcome words that occur in the report, worst first."""
    used = {report.outcome, *(fact.outcome for fact in report.facts)}
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                used |= {as_cell(cell).outcome or "" for row in block.rows for cell in row}
    return [outcome for outcome in WORDS if outcome in used]
