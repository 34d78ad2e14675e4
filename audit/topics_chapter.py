"""What the data is about, where `python -m curation topics.version=...` measured it; else no section."""

from __future__ import annotations

from audit.context import Context
from audit.stored import facts_of
from data.facts import Fact
from data.report import Block, Callout, Cell, Chart, Section, Table, charts
from data.report.wording import counted, number, percent

LISTED = 20
EFFECTIVE, SHARE, PAIRS = "topics_effective", "topic_share", "semantic_pairs"


def topic_facts(context: Context) -> list[Fact]:
    """The facts of the version under audit."""
    version = context.version.version
    found = [fact for name in (EFFECTIVE, PAIRS, SHARE) for fact in facts_of(context, version, name)]
    # topic=10 stands after topic=9
    return sorted(found, key=lambda fact: (fact.name != EFFECTIVE, fact.name != PAIRS, _topic(fact)))


def topics_section(facts: list[Fact]) -> Section:
    """The section from what `topic_facts` gave."""
    by = {fact.name: fact for fact in facts}
    shares = [fact for fact in facts if fact.name == SHARE]
    blocks: list[Block] = [Callout(_sentence(by[EFFECTIVE], by.get(PAIRS), shares), "Topics")]
    blocks += [_chart(shares), _table(shares)]
    nearest = by[PAIRS].detail.get("pairs") if PAIRS in by else None
    if nearest:
        blocks.append(_pairs(nearest, int(by[PAIRS].value or 0)))
    return Section(
        "topics",
        "Topics",
        "Clusters of like meaning among the rows, by sentence embeddings. They describe; nothing was removed for them.",
        blocks,
    )


def _sentence(effective: Fact, pairs: Fact | None, shares: list[Fact]) -> str:
    told = (
        f"What was drawn ({counted(effective.n or 0, 'row')}) is as varied as {number(effective.value)} topics of "
        f"equal size would be, of {len(shares)} that were looked for."
    )
    missing = sum(not fact.detail["test_rows"] for fact in shares)
    if missing and any(fact.detail["test_rows"] for fact in shares):
        told += f" {missing} of them have no row in the test split: scores there say nothing of these topics."
    if pairs is not None:
        told += (
            f" Nearly the same in other words: {counted(int(pairs.value or 0), 'pair')} (cosine of "
            f"{pairs.detail['least_cosine']:g} or more)."
        )
    return told


def _topic(fact: Fact) -> int:
    return int(fact.slice.partition("=")[2]) if fact.name == SHARE else 0


def _name(fact: Fact) -> str:
    return ", ".join(fact.detail["words"][:3]) or f"topic {_topic(fact)}"


def _chart(shares: list[Fact]) -> Chart:
    names = [f"{_topic(fact)}  {_name(fact)}" for fact in shares]
    rows = [
        {"name": name, "value": fact.value, "low": None, "high": None}
        for name, fact in zip(names, shares, strict=True)
    ]
    return Chart(
        lambda: charts.dots(rows, title="share of the rows drawn"),
        "Topics by their share, each named by the words that set it apart.",
        "; ".join(f"{name} {percent(fact.value)}" for name, fact in zip(names, shares, strict=True)),
        rows,
    )


def _table(shares: list[Fact]) -> Table:
    return Table(
        ["Topic", "Rows", "Share", "In test"],
        [
            [
                Cell(_name(fact), note=", ".join(fact.detail["words"][3:])),
                number(fact.detail["rows"]),
                percent(fact.value),
                number(fact.detail["test_rows"]),
            ]
            for fact in shares
        ],
        align=["left", "right", "right", "right"],
    )


def _pairs(nearest: list[tuple[str, str, float]], found: int) -> Table:
    shown = nearest[:LISTED]
    return Table(
        ["Record", "Says nearly the same", "Cosine"],
        [[Cell(one, code=True), Cell(other, code=True), f"{cosine:.3f}"] for one, other, cosine in shown],
        caption="Proposed to a person, who decides whether both are wanted; nothing was removed. "
        + (f"The {len(shown)} nearest of {found:,} pairs. " if found > len(shown) else "")
        + "Side by side: python -m curation topics.version=VERSION; a record's story: python -m data why RECORD.",
        align=["left", "left", "right"],
    )
