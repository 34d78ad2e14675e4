"""The chapters of the report, a family of checks each: tables and charts from the facts' details."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.agreement_chapter import agreement_blocks
from audit.bias_chapter import fairness_blocks
from audit.checks import Check
from audit.privacy_chapter import privacy_blocks
from audit.recall_chapter import recall_blocks
from audit.tasks_chapter import task_blocks
from data.facts import Fact, Outcome
from data.report import Block, Callout, Cell, Chart, Commands, Details, Table, charts
from data.report.wording import counted, interval, number, p_value, percent, quantity

Facts = dict[str, list[Fact]]
# Longer lists are cut; the JSON file has all.
EVIDENCE_ROWS = 40


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: the family of checks it tells of, its title and lead, and what makes its blocks."""

    family: str
    title: str
    lead: str
    blocks: Callable[[Facts], list[Block]]


def says(fact: Fact) -> Callout:
    """A check's own sentence, with its name as the title."""
    from audit.checks import CHECKS

    title = CHECKS[fact.name].title + ("" if fact.slice == "all" else f" {fact.slice}")
    return Callout(fact.detail["says"], title, outcome=fact.outcome)


def source_blocks(facts: Facts) -> list[Block]:
    """Which source and licence the rows have."""
    fact = facts["SRC-001"][0]
    rows = fact.detail["rows"]
    return [
        says(fact),
        Table(
            ["Source", "Licence", "Rows", "Share"],
            [
                [
                    row["source"],
                    _licence(row),
                    row["rows"],
                    percent(row["rows"] / fact.n) if fact.n else "",
                ]
                for row in rows
            ],
            caption="Rows by source and stated licence, read as an SPDX expression.",
            align=["left", "left", "right", "right"],
        ),
        *([_policy(fact.detail["policy"])] if fact.detail["policy"] else []),
    ]


def _licence(row: dict[str, Any]) -> Cell | str:
    stated, spdx = row["licence"], row["spdx"]
    if stated is None:
        return Cell("not stated", outcome=Outcome.FAIL.value)
    if spdx is None:
        return Cell(stated, note="no SPDX expression, or its version is missing")
    return str(stated) if stated == spdx else Cell(stated, note=spdx)


def _policy(policy: dict[str, Any]) -> Callout:
    """What the licence stage allowed, left out and noted."""
    told = {"drop": "left out", "tag": "noted"}
    found = [
        f"{told.get(one['action'], one['action'])}: {counted(one['rows'], 'row')} "
        f"({one['reason'].removeprefix('licence_')})"
        for one in policy["found"]
    ]
    named = [f"{key}: {', '.join(policy[key])}" for key in ("allow", "deny") if policy[key]]
    return Callout(
        f"Licences were judged by the policy '{policy['policy']}'{'; '.join(['', *named])}. "
        + ("; ".join(found)[:1].upper() + "; ".join(found)[1:] if found else "None was objected to")
        + f". Stated licences are taken as true. Version {policy['version']}.",
        "Licence policy",
    )


def lineage_blocks(facts: Facts) -> list[Block]:
    """The waterfall, why rows were removed, and the raw files."""
    blocks: list[Block] = [says(own[0]) for own in facts.values()]
    if "LIN-001" in facts:
        stages = facts["LIN-001"][0].detail["stages"]
        rows = [{"stage": s["stage"], "rows_in": s["rows_in"], "removed": s["removed"]} for s in stages]
        last = stages[-1]
        caption = (
            f"Rows that entered each stage: kept in blue, removed in red. Of {number(stages[0]['rows_in'])} raw rows "
            f"{number(last['rows_in'] - last['removed'])} are left."
        )
        blocks += [
            Chart(lambda: charts.waterfall(rows), caption, caption, rows),
            Table(
                ["Stage", "Rows in", "Removed", "Edited", "Rows out", "Reasons"],
                [
                    [
                        Cell(s["stage"], note=s["version"]),
                        s["rows_in"],
                        s["removed"],
                        s["edited"],
                        s["rows_in"] - s["removed"],
                        ", ".join(f"{reason} {count:,}" for reason, count in s["reasons"].items()) or "–",
                    ]
                    for s in stages
                ],
                caption="Each stage with its reasons; a reason may tag or edit a row without removing it.",
            ),
        ]
    if "LIN-002" in facts:
        blocks.append(
            Table(
                ["Raw file", "Rows", "Rejected", "SHA-256"],
                [
                    [Path(f["file"]).name, f["rows"], f["rejected"], Cell(f["sha256"] or "–", code=True)]
                    for f in facts["LIN-002"][0].detail.get("files", [])
                ],
                caption="The raw files, and the digest by which they can be recognised.",
            )
        )
    return blocks


def quality_blocks(facts: Facts) -> list[Block]:
    """Repetition, contamination and the size of each task."""
    blocks: list[Block] = []
    for name, own in facts.items():
        blocks.append(says(own[0]))
        if name == "QUA-001" and own[0].value:
            blocks.append(_clusters(own[0]))
        blocks += [says(fact) for fact in own[1:] if "says" in fact.detail]
        if name == "QUA-001":
            blocks += [
                _certificate(fact.detail["certificate"]) for fact in own if fact.detail.get("certificate")
            ]
            blocks += recall_blocks(own[0].detail)
        if name == "QUA-002" and own[1:]:
            blocks.append(_items(own))
        if name == "QUA-003":
            blocks += agreement_blocks(own)
        if name == "QUA-005":
            blocks += task_blocks(own)
    return blocks


def _clusters(fact: Fact) -> Table:
    sizes = {int(size): count for size, count in fact.detail["cluster_sizes"].items() if int(size) > 1}
    return Table(
        ["Rows in a cluster", "Clusters", "Rows that repeat another"],
        [[size, count, (size - 1) * count] for size, count in sorted(sizes.items())[:15]],
        caption="Clusters of near-duplicate rows. Their texts are not shown here.",
    )


def _certificate(split: dict[str, Any]) -> Callout:
    """What the split counted of itself. The check above looks again, by the audit's own threshold."""
    return Callout(
        f"When the split was made, each of its {number(split['rows'])} rows was compared with all others by an exact "
        f"join: {counted(split['pairs'], 'pair')} of rows in different splits with a Jaccard similarity of "
        f"{split['threshold']:g} or more ({split['ngram_words']}-word sequences). Stored as split_certificate of "
        f"{split['version']}.",
        "Certificate of the split",
        outcome=split["outcome"],
    )


def _items(facts: Sequence[Fact]) -> Table:
    """Each evaluation task: its items, what curation found, and what is found in the version."""
    tagged = facts[0].detail["kept"]

    def rules(task: dict[str, Any]) -> Cell:
        return Cell(
            task["curation"], note=", ".join(f"{rule} {count:,}" for rule, count in task["rules"].items())
        )

    return Table(
        [
            "Evaluation task",
            "Items",
            "Rows noted by curation" if tagged else "Rows removed by curation",
            "Rows here",
        ],
        [
            [fact.detail["task"], fact.detail["items"], rules(fact.detail), fact.detail["rows"]]
            for fact in facts[1:]
        ],
        caption="Rows that hold items of each evaluation task, by the rule that found them. A row that holds items of "
        "several tasks counts for each.",
        align=["left", "right", "right", "right"],
    )


CHAPTERS = (
    Chapter(
        "sources", "Sources and licences", "Where the rows are from, and under which licence.", source_blocks
    ),
    Chapter(
        "lineage", "From raw file to data set", "What went in, what was removed, and why.", lineage_blocks
    ),
    Chapter(
        "quality",
        "Quality",
        "Repetition, contamination by evaluation sets, agreement of annotators, size of each task.",
        quality_blocks,
    ),
    Chapter(
        "privacy", "Personal data", "Types and counts only: no finding is shown or stored.", privacy_blocks
    ),
    Chapter(
        "fairness",
        "Bias in the data",
        "Who is in the data, whether groups differ, and whether curation removed more of some groups than of others. "
        "A difference is a reason to look, not a proof of a wrong.",
        fairness_blocks,
    ),
)


def evidence_blocks(checks: Sequence[Check], by_check: Facts) -> list[Block]:
    """Per check a folded table of all its facts, and the evidence of the one that stands for it."""
    return [
        Details(
            f"{check.id} {check.title}: {_counted(by_check[check.id])}",
            [
                Table(
                    ["Slice", "Outcome", "Value", "n", "Interval", "p (Holm)"],
                    [_fact_row(fact) for fact in by_check[check.id][:EVIDENCE_ROWS]],
                    caption=f"Method: {by_check[check.id][0].method or 'none'}. "
                    + (
                        f"Settings: {by_check[check.id][0].signature}. "
                        if by_check[check.id][0].signature
                        else ""
                    )
                    + _left_out(by_check[check.id]),
                    align=["left", "left", "right", "right", "left", "right"],
                ),
                Commands(
                    [by_check[check.id][0].evidence or "none"], "Gives the value of the first row again:"
                ),
            ],
        )
        for check in checks
    ]


def _counted(facts: list[Fact]) -> str:
    return "one fact and its evidence" if len(facts) == 1 else f"{len(facts)} facts and their evidence"


def _left_out(facts: list[Fact]) -> str:
    hidden = len(facts) - EVIDENCE_ROWS
    return f"{hidden} more facts are in the JSON file." if hidden > 0 else ""


def _fact_row(fact: Fact) -> list[Any]:
    return [
        fact.slice,
        Cell("", outcome=fact.outcome),
        quantity(fact.value, fact.unit),
        number(fact.n),
        interval(fact.low, fact.high, fact.unit) or "–",
        p_value(fact.detail.get("p_adjusted")),
    ]
