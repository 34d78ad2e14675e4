"""What the balance stage left out: its caps, and the shares before and after them. It ran, or there is no section."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeAlias

from audit.context import Context
from audit.stored import stage_facts
from curation.balance.config import BalanceConfig
from data.facts import Fact, Outcome
from data.report import Block, Callout, Cell, Chart, Section, Table, charts
from data.report.wording import counted, number, percent
from data.versions import Version

ROWS, SYNTHETIC = "balance_rows", "balance_synthetic_fraction"
# The most frequent values are shown; the JSON file has more.
CHARTED, LISTED = 12, 40
Config: TypeAlias = dict[str, Any]
Share: TypeAlias = dict[str, Any]


def balance_facts(context: Context) -> list[Fact]:
    """What the stage stored of itself, as it left the data: rows in all, of each value, and the synthetic share."""
    return [fact for name in (ROWS, SYNTHETIC) for fact in stage_facts(context, "balance", name)]


def balance_section(stage: Version, facts: list[Fact]) -> Section:
    """The section from what `balance_facts` gave."""
    config = {**asdict(BalanceConfig()), **stage.config}
    rows = [fact for fact in facts if fact.name == ROWS]
    (whole,) = (fact for fact in rows if fact.slice == "all")
    blocks: list[Block] = [Callout(_caps(config, whole), "Caps")]
    shares = [_share(fact, whole) for fact in rows if fact is not whole]
    if shares:
        shares.sort(key=lambda share: (-share["rows_before"], share["name"]))
        blocks += [_chart(config, shares), _table(config, shares, stage.version)]
    blocks += [_synthetic(fact) for fact in facts if fact.name == SYNTHETIC]
    return Section(
        "balance",
        "Balance",
        "How much of the data one value, or synthetic text, may make up, and what was left out for it. Counted by the "
        "balance stage itself.",
        blocks,
    )


def _caps(config: Config, whole: Fact) -> str:
    limits = [
        f"at most {counted(config['max_rows'], 'row')}" if config["max_rows"] else "",
        f"at most {percent(config['max_fraction'])} of the rows" if config["max_fraction"] < 1 else "",
    ]
    told = " and ".join(limit for limit in limits if limit)
    before, after = whole.detail["before"], whole.detail["after"]
    parts = [
        f"Each value of '{config['column']}' may have {told}." if told else "",
        f"Synthetic text may make up at most {percent(config['max_synthetic_fraction'])} of the rows."
        if config["max_synthetic_fraction"] < 1
        else "",
        f"Rows before: {number(before)}; left out: {number(before - after)}; stayed: {number(after)}.",
    ]
    return " ".join(part for part in parts if part)


def _share(fact: Fact, whole: Fact) -> Share:
    before, after = fact.detail["before"], fact.detail["after"]
    return {
        "name": fact.slice.partition("=")[2],
        "value": after / max(whole.detail["after"], 1),
        "low": None,
        "high": None,
        "before": before / max(whole.detail["before"], 1),
        "rows_before": before,
        "rows_after": after,
        "outcome": fact.outcome,
        "threshold": fact.threshold,
    }


def _chart(config: Config, shares: list[Share]) -> Chart:
    cap = config["max_fraction"]
    rows = [
        {key: value for key, value in share.items() if key not in ("outcome", "threshold")}
        for share in shares[:CHARTED]
    ]
    caption = (
        f"Share of the rows by {config['column']}{_shown(CHARTED, shares)}. Diamonds: before the caps; dots: after."
        + (f" Dashed: the cap of {percent(cap)}." if cap < 1 else "")
    )
    return Chart(
        lambda: charts.dots(
            rows,
            title="share of the rows",
            reference=cap if cap < 1 else None,
            reference_field="before",
        ),
        caption,
        caption,
        rows,
    )


def _table(config: Config, shares: list[Share], version: str) -> Table:
    def left(share: Share) -> Cell:
        judged = share["outcome"] != Outcome.INFO.value
        return Cell(
            share["rows_after"],
            outcome=share["outcome"] if judged else None,
            note=share["threshold"],
        )

    return Table(
        [config["column"], "Rows before", "Rows after", "Share before", "Share after"],
        [
            [
                share["name"],
                share["rows_before"],
                left(share),
                percent(share["before"]),
                percent(share["value"]),
            ]
            for share in shares[:LISTED]
        ],
        caption=f"Rows before and after the caps{_shown(LISTED, shares)}. Stored as {ROWS} of {version}.",
        align=["left", "right", "right", "right", "right"],
    )


def _synthetic(fact: Fact) -> Callout:
    detail = fact.detail
    before = detail["before"] / max(detail["rows_before"], 1)
    return Callout(
        f"By what the records state, {percent(fact.value)} of the rows are synthetic ({number(detail['after'])} of "
        f"{number(fact.n)}); before the caps it was {percent(before)} ({number(detail['before'])} of "
        f"{number(detail['rows_before'])}).",
        "Synthetic text",
        outcome=fact.outcome,
    )


def _shown(most: int, shares: list[Share]) -> str:
    return f", the {most} most frequent of {len(shares):,} values" if len(shares) > most else ""
