"""How far annotators agree, as a chart and tables: questions, people, groups."""

from __future__ import annotations

from typing import Any

from data.facts import Fact
from data.report import Block, Callout, Cell, Chart, Table, charts
from data.report.wording import counted, interval, number, percent

COLUMNS = {
    "desk_majority": "As the others",
    "desk_gold": "Known answers right",
    "desk_accepted": "As suggested",
}
FLAGGED = 0.05
LISTED = 40


def agreement_blocks(facts: list[Fact]) -> list[Block]:
    """From the facts of QUA-003: the first stands for the check, the others for a question each. Empty if not run."""
    whole, *questions = facts
    if not questions:
        return []
    return [
        *_chart(questions),
        _table(questions),
        *_people(whole.detail["people"]),
        *_groups(whole.detail["groups"]),
    ]


def _name(fact: Fact) -> str:
    return f"{fact.detail['question']} ({fact.detail['level']}), {fact.detail['dataset']}"


def _chart(questions: list[Fact]) -> list[Block]:
    rows = [
        {"name": _name(fact), "value": fact.value, "low": fact.low, "high": fact.high, "n": fact.n,
         "flagged": fact.outcome in ("FAIL", "WARN")}
        for fact in questions
        if fact.value is not None
    ]  # fmt: skip
    if not rows:
        return []
    least = float(questions[0].threshold.rpartition(" ")[2])
    caption = (
        "Agreement of the annotators by question, with 95 % intervals over items: 1 is perfect, 0 what chance gives. "
        f"Dashed: the {least:g} that the policy asks for."
    )
    return [
        Chart(
            lambda: charts.dots(rows, title="agreement", share=False, reference=least), caption, caption, rows
        )
    ]


def _table(questions: list[Fact]) -> Table:
    return Table(
        ["Question", "Outcome", "Measure", "Value", "95 % interval", "Items", "Answers"],
        [
            [
                Cell(fact.detail["question"], note=fact.detail["dataset"]),
                Cell("", outcome=fact.outcome),
                Cell(fact.method.partition(";")[0], note=fact.detail["level"]),
                "all equal" if fact.value is None else f"{fact.value:.3f}",
                interval(fact.low, fact.high, "") or "–",
                fact.n,
                fact.detail["answers"],
            ]
            for fact in questions
        ],
        caption="Items that two or more people answered. Nominal: any two answers differ alike; ordinal and interval: "
        "the farther apart, the worse.",
        align=["left", "left", "left", "right", "right", "right", "right"],
    )


def _people(rows: list[dict[str, Any]]) -> list[Block]:
    """Each annotator against the others, known answers and suggestions; `all` for suggestions as a whole."""
    by: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        dataset, question, *one = row["slice"].split("|")
        key = (question.partition("=")[2], dataset.partition("=")[2], one[0] if one else "all")
        by.setdefault(key, {})[row["name"]] = f"{percent(row['value'])} of {number(row['n'])}"
    if not by:
        return []
    listed = sorted(by.items(), key=lambda pair: (pair[0][:2], pair[0][2] != "all", pair[0][2]))[:LISTED]
    table = Table(
        ["Question", "Annotator", *COLUMNS.values()],
        [
            [Cell(question, note=dataset), who, *(cells.get(name, "–") for name in COLUMNS)]
            for (question, dataset, who), cells in listed
        ],
        caption="Annotators have pseudonyms. Answers that are mostly the suggestion, unchanged, beside a low agreement "
        "are a sign that people take over what stands there.",
    )
    return [table]


def _groups(rows: list[dict[str, Any]]) -> list[Block]:
    """Groups of records that an annotator decides against more, or less, often than the rest."""
    if not rows:
        return []
    flagged = [row for row in rows if row["p_adjusted"] < FLAGGED and row["told"]]
    if not flagged:
        compared = counted(len(rows), "comparison")
        told = f"In {compared} no annotator decides otherwise about a group than about the rest."
        return [Callout(told, "Annotators and groups")]
    return [
        Table(
            ["Annotator", "Group", "Against the record", "Against the rest", "p, adjusted"],
            [
                [
                    row["slice"].split("|")[2],
                    row["slice"].split("|")[3],
                    f"{percent(row['value'])} of {number(row['n'])}",
                    percent(row["others"]),
                    f"{row['p_adjusted']:.3f}",
                ]
                for row in flagged[:LISTED]
            ],
            caption="Annotators who leave out, or rate low, the records of one group more or less often than other "
            f"records (Benjamini-Hochberg over {counted(len(rows), 'comparison')}). A difference is a reason to look.",
        )
    ]
