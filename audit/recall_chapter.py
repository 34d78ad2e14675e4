"""How much the deduplication finds, as a sentence, a chart and a table."""

from __future__ import annotations

import math
from typing import Any

from data.facts import Outcome
from data.report import Block, Callout, Cell, Chart, Table, charts
from data.report.wording import interval, percent

TITLE = "How much the deduplication finds"
PLACES = {"above": "", "below": " (below)", "across": " (partly below)"}
Recall = dict[str, Any]


def recall_blocks(detail: dict[str, Any]) -> list[Block]:
    """From the detail of QUA-001, see `audit.recall`. What was not measured is said, and has no chart."""
    recall = detail.get("recall")
    unmeasured = detail.get("unmeasured")
    blocks: list[Block] = []
    if unmeasured:
        blocks.append(Callout(unmeasured, TITLE, outcome=Outcome.NOT_RUN.value))
    if not recall:
        return blocks
    if recall["above"]:
        blocks.append(Callout(sentence(recall["above"]), TITLE))
    if any(row["n"] for row in recall["bins"]):
        blocks += [_chart(recall), _table(recall)]
    return blocks


def sentence(above: Recall) -> str:
    """`Of 65 pairs of texts made similar on purpose, the deduplication found ...`."""
    n, found = above["n"], above["found"]
    missed = f"found {found:,} and missed {n - found:,}" if found < n else f"found all {n:,}"
    pairs = "one pair" if n == 1 else f"{n:,} pairs"
    bounds = f"{100 * above['level']:.3g} % interval {interval(above['low'], above['high'], 'fraction')}"
    return (
        f"Of {pairs} of texts made similar on purpose, the deduplication {missed}: {percent(found / n)} ({bounds}). "
        f"By its settings, {percent(above['expected'])} were to be expected. Each pair is a text of this data set and "
        f"an edited copy of it, with a Jaccard similarity of {above['from']:.2f} to {above['to']:.2f}; the copies are "
        "not in the data."
    )


def _name(row: Recall) -> str:
    return f"{row['from']:.2f} to {row['to']:.2f}{PLACES[row['place']]}"


def _chart(recall: Recall) -> Chart:
    # `place` and the edges are in the name; a bin without a pair has no dot, and stands in the table.
    keys = ("value", "low", "high", "n", "found", "expected")
    rows = [
        {"name": _name(row), **{key: row[key] for key in keys}}
        for row in sorted(recall["bins"], key=lambda row: -row["from"])
        if row["n"]
    ]
    least = math.floor(10 * min(min(row["low"], row["expected"]) for row in rows)) / 10
    caption = (
        "Share of the planted pairs that were found, by Jaccard similarity: dots with "
        f"{100 * recall['bins'][0]['level']:.3g} % intervals. Diamonds: the share to be expected by its settings. "
        f"The axis begins at {percent(least)}."
    )
    return Chart(
        lambda: charts.dots(
            rows, title="share of the pairs found", reference_field="expected", domain=(least, 1.0)
        ),
        caption,
        caption,
        rows,
    )


def _table(recall: Recall) -> Table:
    words = recall["ngram_words"]
    similarity = "Jaccard similarity: the part of all " + (
        f"{words}-word sequences of two texts that both have."
        if words
        else "word sequences of two texts that both have."
    )
    below = (
        f" Below the threshold of {recall['threshold']:.2f} nothing is to be removed: there, found means that the two "
        "texts were compared."
        if any(row["place"] != "above" for row in recall["bins"])
        else ""
    )
    return Table(
        ["Similarity", "Pairs made", "Found", "Share found", "Expected"],
        [
            [
                _name(row),
                row["n"],
                row["found"],
                Cell(percent(row["value"]), note=interval(row["low"], row["high"], "fraction"))
                if row["n"]
                else Cell("–", note="no pair could be made"),
                percent(row["expected"]) if row["n"] else "–",
            ]
            for row in sorted(recall["bins"], key=lambda row: -row["from"])
        ],
        caption=f"{similarity}{below} Stored as near_duplicate_recall of {recall['version']}.",
        align=["left", "right", "right", "right", "right"],
    )
