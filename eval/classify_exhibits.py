"""A classifier's tables and pictures: each class by itself, and what is mistaken for what."""

from __future__ import annotations

from data.facts import Fact
from data.report import Block, Callout, Cell, Chart, Paragraph, Table, charts
from data.report.wording import number
from eval.classify import table_of, worst_confusions
from eval.compare import Conclusion
from eval.result import Result
from eval.scores import Scored
from eval.words import ROLE_WORDS, title_of

FULL_TABLE = 12  # classes up to which the table of confusion is shown in numbers


def verdicts_on_baselines(scored: Scored) -> list[Block]:
    """A box for each simple model that the tuned one does not beat."""
    found: list[Block] = []
    for role in ("linear", "majority"):
        comparisons = scored.comparisons.get((role, "tuned"), {})
        worse = [title_of(m) for m, c in comparisons.items() if c.conclusion is Conclusion.worse]
        better = [m for m, c in comparisons.items() if c.conclusion is Conclusion.better]
        what = ROLE_WORDS[role]
        if worse:
            words = (
                f"On {', '.join(worse)} {what} does better than the tuned model, at a fraction of its cost."
            )
            found.append(Callout(words, f"{what[0].upper()}{what[1:]} wins", "WARN"))
        elif not better:
            words = (
                f"On no metric is the tuned model clearly better than {what}, which costs next to nothing."
            )
            found.append(Callout(words, f"No clear gain over {what}", "WARN"))
    return found


def class_table(result: Result, scored: Scored, role: str = "tuned") -> Table:
    """Each class with how often it is true and said, precision, recall and F1 with their intervals."""
    table = table_of(scored, role)
    facts = {
        (fact.name, fact.slice.rpartition("label=")[2]): fact
        for fact in result.facts
        if fact.slice.startswith(f"slice={scored.slice.name},role={role},label=")
    }
    rows: list[list[str | int | Cell]] = [
        [
            label,
            int(table[n].sum()),
            int(table[:, n].sum()),
            *(_cell(facts[name, label]) for name in ("precision", "recall", "f1")),
        ]
        for n, label in enumerate(scored.classes)
    ]
    return Table(
        ["Label", "True of", "Said of", "Precision", "Recall", "F1"],
        rows,
        caption=f"{ROLE_WORDS[role][0].upper()}{ROLE_WORDS[role][1:]}, label by label. Intervals: Wilson for precision "
        "and recall, bootstrap for F1.",
        align=["left", "right", "right", "right", "right", "right"],
    )


def confusion_blocks(scored: Scored, role: str = "tuned") -> list[Block]:
    """What is taken for what: a picture, and the numbers in full or the worst pairs."""
    table = table_of(scored, role)
    rows = [
        {
            "true": a,
            "said": b,
            "items": int(table[i, j]),
            "share": float(table[i, j] / max(table[i].sum(), 1)),
        }
        for i, a in enumerate(scored.classes)
        for j, b in enumerate(scored.classes)
    ]
    classes = list(scored.classes)
    chart = Chart(
        lambda: charts.confusion(rows, order=classes),
        caption="What is true (rows) and what the tuned model said (columns); the darker, the larger the share of "
        "the row. Right answers lie on the diagonal.",
        alt=f"Table of confusion of {len(classes)} labels; {int(table.trace()):,} of {int(table.sum()):,} are right.",
        rows=[row for row in rows if row["items"]],
    )
    blocks: list[Block] = [chart]
    if len(classes) <= FULL_TABLE:
        blocks.append(
            Table(
                ["true \\ said", *classes],
                [[label, *(int(value) for value in table[n])] for n, label in enumerate(classes)],
                caption="The same in items.",
            )
        )
    pairs = worst_confusions(scored, role)
    if pairs and len(classes) > 2:
        blocks.append(
            Table(
                ["True", "Said", "Items", "Of"],
                [list(pair) for pair in pairs],
                caption="What is mistaken most often.",
            )
        )
    elif not pairs:
        blocks.append(Paragraph("Nothing is mistaken."))
    return blocks


def _cell(fact: Fact) -> Cell:
    return Cell(number(fact.value), note=f"{number(fact.low)} to {number(fact.high)}")
