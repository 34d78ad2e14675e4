"""What a report is made of: plain dataclasses that say what to show, and nothing of how it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Align = Literal["left", "right", "center"]


@dataclass(slots=True)
class Cell:
    """A table cell with more than text.

    text      what is read; a number is formatted with separators
    outcome   draws a badge (see outcomes.WORDS) before the text
    note      small print under the text: interval, n, method
    code      text is an identifier: fixed-width, may break anywhere
    span      (low, value, high, threshold), all on the scale 0 to 1: draws a small interval beside the text;
              None for a threshold that does not exist
    """

    text: str | float | int | None = ""
    outcome: str | None = None
    note: str = ""
    code: bool = False
    span: tuple[float, float, float, float | None] | None = None


@dataclass(slots=True)
class Paragraph:
    """Running text. A blank line starts a new paragraph; `code` in backquotes is set in a fixed width."""

    text: str


@dataclass(slots=True)
class Callout:
    """A boxed remark. `outcome` picks the tone (INFO by default)."""

    text: str
    title: str = ""
    outcome: str = "INFO"


@dataclass(slots=True)
class Commands:
    """Lines to copy into a shell or an SQL prompt, shown as they are."""

    lines: Sequence[str]
    caption: str = ""


TableCell: TypeAlias = str | float | int | Cell | None


@dataclass(slots=True)
class Table:
    """Rows of cells. `align` has one entry a column; by default columns of numbers go to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    caption: str = ""
    align: Sequence[Align] | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"a row has {len(row)} cells, the table {len(self.columns)} columns: {row!r}"
                )


@dataclass(slots=True)
class Chart:
    """A picture with its words and its numbers.

    chart    an altair chart, or a function without arguments that makes one when the report is written
    caption  what the reader should see in it; alt: the same for one who cannot see it
    rows     the numbers behind it: shown folded under the picture, offered as CSV, and kept in the JSON
    """

    chart: Any | Callable[[], Any]
    caption: str
    alt: str
    rows: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class SideBySide:
    """Texts in two or three labelled columns.

    columns   (label, text) pairs
    diff      mark the words by which each text differs from the first
    title     a line above, e.g. the prompt's number; notes: small print under each column (scores)
    """

    columns: Sequence[tuple[str, str]]
    diff: bool = False
    title: str = ""
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 2 <= len(self.columns) <= 3:
            raise ValueError(f"two or three columns can stand side by side, got {len(self.columns)}")


@dataclass(slots=True)
class Marked:
    """A text as it stands, with stretches of it marked.

    runs    (piece, whether it is marked) pairs; title: a line above
    """

    runs: Sequence[tuple[str, bool]]
    title: str = ""


@dataclass(slots=True)
class Details:
    """Blocks behind a line that opens on a click; printed in full."""

    summary: str
    blocks: Sequence[Block]
    open: bool = False


Block: TypeAlias = Paragraph | Callout | Commands | Table | Chart | SideBySide | Marked | Details


@dataclass(slots=True)
class Section:
    """A chapter: `id` is its anchor (lower case, no spaces), `lead` one or two sentences in plain words."""

    id: str
    title: str
    lead: str = ""
    blocks: Sequence[Block] = field(default_factory=list)
