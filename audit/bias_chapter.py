"""The chapter on bias: shares of groups, differences by group, and removal parity, as charts and tables."""

from __future__ import annotations

from typing import Any

from data.facts import Fact, Outcome
from data.report import Block, Callout, Cell, Chart, Table, charts
from data.report.wording import counted, interval, number, p_value, percent, quantity

SHOWN = 16


def fairness_blocks(facts: dict[str, list[Fact]]) -> list[Block]:
    """All of the chapter, check by check."""
    blocks: list[Block] = []
    titles = {
        "FAI-001": "Representation",
        "FAI-002": "Differences between groups",
        "FAI-010": "Removal parity",
    }
    makers = {"FAI-001": _shares, "FAI-002": _differences, "FAI-010": _removals}
    for name, own in facts.items():
        blocks.append(Callout(own[0].detail["says"], titles[name], outcome=own[0].outcome))
        if own[0].outcome != Outcome.NOT_RUN.value:
            blocks += makers[name](own[1:])
    return blocks


def _shares(facts: list[Fact]) -> list[Block]:
    blocks: list[Block] = []
    for column in dict.fromkeys(fact.detail["column"] for fact in facts):
        own = [fact for fact in facts if fact.detail["column"] == column]
        blocks.append(_share_chart(column, own[:SHOWN]))
    return blocks


def _share_chart(column: str, facts: list[Fact]) -> Chart:
    with_reference = any(fact.detail["reference"] is not None for fact in facts)
    rows = [
        {
            "name": fact.detail["group"],
            "value": fact.value,
            "low": fact.low,
            "high": fact.high,
            "n": fact.detail["rows"],
            "flagged": _flagged(fact),
            **({"reference": fact.detail["reference"]} if with_reference else {}),
        }
        for fact in facts
    ]
    least = None if with_reference else _least(facts)
    caption = f"Share of the rows by {column} (n = {number(facts[0].n)}), with simultaneous intervals." + (
        " Diamonds: the reference population; in red: under-represented."
        if with_reference
        else " Dashed: the least share that is not called under-represented."
    )
    return Chart(
        lambda: charts.dots(
            rows,
            title="share of the rows",
            reference=least,
            reference_field="reference" if with_reference else None,
        ),
        caption,
        caption,
        rows,
    )


def _flagged(fact: Fact) -> bool:
    return fact.outcome in (Outcome.FAIL.value, Outcome.WARN.value)


def _least(facts: list[Fact]) -> float | None:
    """The least share without a reference, as the facts carry it."""
    return next((float(fact.detail["least"]) for fact in facts if "least" in fact.detail), None)


def _differences(facts: list[Fact]) -> list[Block]:
    properties = {fact.detail["about"] for fact in facts}
    what = next(iter(properties)) if len(properties) == 1 else ""
    axis = (
        f"share with {what}, less that of all other rows"
        if what
        else "share in the group, less that of all other rows"
    )
    return _gap_blocks(facts, axis, "The largest differences", bare=bool(what))


def _removals(facts: list[Fact]) -> list[Block]:
    axis = "share of the group removed, less that of all other rows"
    return _gap_blocks(facts, axis, "The largest differences in removal", bare=False)


def _gap_blocks(facts: list[Fact], axis: str, words: str, *, bare: bool) -> list[Block]:
    compared = sorted((f for f in facts if f.value is not None), key=lambda f: (-abs(f.value or 0), f.slice))
    shown = compared[:SHOWN]
    blocks: list[Block] = []
    if shown:
        rows = [
            {
                "name": fact.detail["group"] if bare else _name(fact),
                "value": fact.value,
                "low": fact.low,
                "high": fact.high,
                "n": fact.n,
                "flagged": _flagged(fact),
            }
            for fact in shown
        ]
        caption = (
            f"{words} ({len(shown)} of {len(facts)} comparisons), with {_level(shown)} intervals. Right of zero: more "
            "in the group than elsewhere. n: rows of the group."
        )
        blocks.append(Chart(lambda: charts.dots(rows, title=axis, reference=0.0), caption, caption, rows))
        blocks.append(_gap_table(shown, bare=bare))
    small = [fact for fact in facts if fact.value is None]
    if small:
        names = ", ".join(f"{_name(fact)} (n = {fact.n:,})" for fact in small[:8])
        more = f" and {len(small) - 8} more" if len(small) > 8 else ""
        blocks.append(
            Callout(
                f"Too small to compare, at least {small[0].n_needed} rows are needed: {names}{more}.",
                outcome=Outcome.INSUFFICIENT.value,
            )
        )
    return blocks


def _name(fact: Fact) -> str:
    return f"{fact.detail['about']}: {fact.detail['group']}"


def _level(facts: list[Fact]) -> str:
    return f"{facts[0].level or 0.95:.0%}".replace("%", " %")


def _gap_table(facts: list[Fact], *, bare: bool) -> Table:
    def row(fact: Fact) -> list[Any]:
        detail = fact.detail
        return [
            fact.detail["group"] if bare else _name(fact),
            Cell(
                "",
                outcome=fact.outcome,
                note=f"needs {counted(fact.n_needed, 'row')}" if fact.n_needed else "",
            ),
            Cell(
                percent(detail["found"] / fact.n) if fact.n else "–",
                note=f"{detail['found']:,} of {fact.n:,}",
            ),
            Cell(
                percent(detail["other_found"] / detail["other_n"]),
                note=f"{detail['other_found']:,} of {detail['other_n']:,}",
            ),
            Cell(quantity(fact.value, fact.unit), note=interval(fact.low, fact.high, fact.unit)),
            p_value(detail["p_adjusted"]),
        ]

    return Table(
        ["Comparison", "Outcome", "In the group", "All others", "Difference", "p (Holm)"],
        [row(fact) for fact in facts],
        align=["left", "left", "right", "right", "right", "right"],
    )
