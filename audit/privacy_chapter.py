"""The chapter on personal data: every check in one table, what is left by type, and planted recall by stratum."""

from __future__ import annotations

from typing import Any

from audit.pii_truth_chapter import truth_blocks
from data.facts import Fact, Outcome
from data.report import Block, Callout, Cell, Chart, Paragraph, Table, charts
from data.report.wording import interval, number, quantity

Facts = dict[str, list[Fact]]
RESCANS = ("PII-001", "PII-002", "PII-010")


def privacy_blocks(facts: Facts) -> list[Block]:
    """How much is left, how well it was looked for, and where originals are; never what."""
    blocks: list[Block] = [_overview(facts)]
    for name, own in facts.items():
        if own[0].outcome == Outcome.NOT_RUN.value:
            continue
        if name in RESCANS and own[1:]:
            blocks.append(_by_type(own))
        if name == "PII-003":
            blocks += _originals(own)
        if name == "PII-004":
            blocks += [_recall(own), _strata(own)]
        if name == "PII-011":
            blocks += truth_blocks(own)
    return blocks


def _overview(facts: Facts) -> Table:
    from audit.checks import CHECKS

    return Table(
        ["Check", "Outcome", "Finding", "Measured", "Demanded"],
        [
            [
                Cell(CHECKS[name].title, note=name),
                Cell("", outcome=own[0].outcome),
                own[0].detail["says"],
                _measured(own[0]),
                Cell(
                    own[0].threshold or "–", note=f"needs n = {own[0].n_needed:,}" if own[0].n_needed else ""
                ),
            ]
            for name, own in facts.items()
        ],
        caption="Every check of personal data. A bound speaks of what its method can see.",
        align=["left", "left", "left", "right", "left"],
    )


def _measured(fact: Fact) -> Cell:
    if fact.value is None:
        return Cell("–")
    note = [f"n = {fact.n:,}" if fact.n is not None else "", interval(fact.low, fact.high, fact.unit)]
    return Cell(quantity(fact.value, fact.unit), note="; ".join(part for part in note if part))


def _title(name: str) -> str:
    from audit.checks import CHECKS

    return f"{CHECKS[name].title} ({name})"


def _by_type(own: list[Fact]) -> Chart:
    rows = [
        {"name": t.slice.partition("=")[2], "value": t.value, "low": t.low, "high": t.high, **t.detail}
        for t in own[1:]
    ]
    caption = (
        f"{_title(own[0].name)}: share of the {number(own[0].n)} scanned rows with a finding of each type, with 95 % "
        "intervals. Findings are not shown."
    )
    return Chart(lambda: charts.dots(rows, title="share of scanned rows"), caption, caption, rows)


def _originals(own: list[Fact]) -> list[Block]:
    still = own[0].detail["still"]
    blocks: list[Block] = []
    if own[1:]:
        rows: list[list[Any]] = [[fact.detail["place"], int(fact.value or 0)] for fact in own[1:]]
        blocks.append(
            Table(["Place", "Originals of which traces are there"], rows, caption=_title("PII-003"))
        )
    if still:
        blocks.append(
            Callout(
                "Originals are in: " + "; ".join(still) + ".", "Until they are deleted", Outcome.WARN.value
            )
        )
    return blocks


def _recall(own: list[Fact]) -> Chart:
    strata = sorted(own[1:], key=lambda fact: (fact.value or 0, fact.slice))
    rows = [
        {
            "name": fact.detail["stratum"] + ("" if fact.detail["asked"] else " (not asked for)"),
            "value": fact.value,
            "low": fact.low,
            "high": fact.high,
            "flagged": fact.outcome in (Outcome.FAIL.value, Outcome.WARN.value),
        }
        for fact in strata
    ]
    least = own[0].threshold.removeprefix("at least ").partition(" %")[0]
    caption = (
        f"Planted recall: share of planted values found, by stratum ({own[0].n} each), simultaneous intervals, the "
        f"worst first. Dashed: the {least} % demanded of each; in red: not shown to reach it."
    )
    return Chart(
        lambda: charts.dots(rows, title="share found", reference=float(least) / 100, domain=(0, 1)),
        caption,
        caption,
        rows,
    )


def _strata(own: list[Fact]) -> Paragraph:
    below = [fact for fact in own[1:] if fact.outcome == Outcome.FAIL.value]
    if not below:
        return Paragraph("No stratum is surely below what is demanded.")
    lower = sum(fact.detail["case"] == "lower case" for fact in below)
    return Paragraph(
        f"{len(below)} of {len(own) - 1} strata are surely below what is demanded, {lower} of them names in lower "
        "case. Where such text is in the data, so much of it is still readable."
    )
