"""PII-011 in the report and the terminal: recall and precision by type, recall by slice."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table as RichTable

from data.facts import Fact
from data.report import Block, Paragraph, Table
from data.report.wording import counted, interval, number, percent

SMALL = 100
NAMES = {
    "measure=typed recall": "Recall under the type",
    "measure=precision": "Precision",
    "measure=characters": "F2 of characters",
}


def truth_blocks(own: Sequence[Fact]) -> list[Block]:
    """The tables of one run against labelled texts."""
    main, *rest = own
    shares = [fact for fact in rest if fact.slice in NAMES]
    types = [fact for fact in rest if fact.slice.startswith("type=")]
    slices = [fact for fact in rest if fact not in shares and fact not in types]
    blocks: list[Block] = [
        Table(
            ["Labelled texts (PII-011)", "Value", "n", "Interval"],
            [_row("Recall of any type", main), *(_row(NAMES[fact.slice], fact) for fact in shares)],
            caption=f"Settings: {main.signature}. A label counts as found where a finding overlaps it. "
            f"Left out: {counted(main.detail['left_out'], 'finding')} of kinds that the file does not label.",
            align=["left", "right", "right", "left"],
        ),
        Table(
            ["Type", "Labels", "Found", "Interval", "Under its type", "Findings", "Touch a label"],
            [_type_row(fact) for fact in types],
            caption="By type; names of types from different label sets are brought together (audit/pii_names.py).",
            align=["left", "right", "right", "left", "right", "right", "right"],
        ),
    ]
    if slices:
        blocks.append(
            Table(
                ["Slice", "Labels", "Found", "Interval"],
                [_slice_row(fact) for fact in slices],
                caption="Recall by what the file says of a label, and by the case of names.",
                align=["left", "right", "right", "left"],
            )
        )
    if main.detail["texts"] < SMALL:
        blocks.append(Paragraph("Few texts: read the intervals, not the values."))
    return blocks


def truth_table(own: Sequence[Fact]) -> RichTable:
    """The same by type for the terminal, in 80 columns."""
    table = RichTable(title="Labelled truth (PII-011)", title_justify="left", show_edge=False, pad_edge=False)
    for name in ("type", "labels", "found", "under its type", "precision"):
        table.add_column(name, justify="left" if name == "type" else "right")
    for fact in own:
        if fact.slice.startswith("type="):
            kind, labels, found, _, typed, _, right = _type_row(fact)
            table.add_row(kind, labels, found, typed, right)
    return table


def _row(name: str, fact: Fact) -> list[str]:
    value = f"{fact.value:.3f}" if fact.unit == "F2" and fact.value is not None else percent(fact.value)
    return [name, value, number(fact.n), interval(fact.low, fact.high, fact.unit) or "–"]


def _type_row(fact: Fact) -> list[str]:
    detail = fact.detail
    findings = detail["findings"]
    return [
        fact.slice.partition("=")[2],
        number(fact.n),
        percent(fact.value),
        interval(fact.low, fact.high, "fraction") or "–",
        percent(detail["typed"] / fact.n) if fact.n else "–",
        number(findings),
        percent(detail["right"] / findings) if findings else "–",
    ]


def _slice_row(fact: Fact) -> list[str]:
    return [fact.slice, number(fact.n), percent(fact.value), interval(fact.low, fact.high, "fraction") or "–"]
