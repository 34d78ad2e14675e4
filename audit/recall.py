"""What the deduplication measured of itself: how many pairs it finds of those that were made similar on purpose."""

from __future__ import annotations

from typing import Any

from audit import statistics
from audit.context import Context
from audit.stored import stage_facts
from data.facts import Fact

RECALL = "near_duplicate_recall"


def planted_recall(context: Context) -> dict[str, Any]:
    """`recall`: the bins of Jaccard similarity and their sum; `unmeasured`: why that says nothing, or not all.

    The sum counts the bins that lie wholly at or above the threshold. Below it `found` only means that the two texts
    were compared, and so a bin that the threshold cuts counts for neither.
    """
    stage = context.stage("dedup")
    if stage is None:
        return {
            "unmeasured": "The deduplication did not run, so there is no measurement of how much it finds."
        }
    facts = stage_facts(context, "dedup", RECALL)
    if not facts:
        return {
            "unmeasured": f"The deduplication ({stage.version}) left no measurement of how much it finds; "
            "the next `python -m curation` of changed data makes one."
        }
    threshold = float(stage.config.get("threshold", 0.8))
    bins = [_bin(fact, threshold) for fact in facts]
    above = [row for row in bins if row["place"] == "above" and row["n"]]
    recall = {
        "version": stage.version,
        "threshold": threshold,
        "ngram_words": stage.config.get("ngram_words"),
        "bins": bins,
        "above": _sum(above, facts[0].level or statistics.LEVEL) if above else None,
    }
    if above:
        return {"recall": recall}
    why = (
        f"No pair could be made that is as similar as the deduplication's threshold ({threshold:.2f}), so there is no "
        "measurement of how much it finds."
    )
    return {"recall": recall, "unmeasured": why}


def _bin(fact: Fact, threshold: float) -> dict[str, Any]:
    low, high = (float(edge) for edge in fact.slice.removeprefix("jaccard=").split(".."))
    return {
        "from": low,
        "to": high,
        "place": "above" if low >= threshold else "below" if high <= threshold else "across",
        "n": fact.n or 0,
        "found": fact.detail["found"],
        "value": fact.value,
        "low": fact.low,
        "high": fact.high,
        "level": fact.level,
        "expected": fact.detail["expected"],
    }


def _sum(bins: list[dict[str, Any]], level: float) -> dict[str, Any]:
    n, found = sum(row["n"] for row in bins), sum(row["found"] for row in bins)
    low, high = statistics.wilson(found, n, level)
    return {
        "from": min(row["from"] for row in bins),
        "to": max(row["to"] for row in bins),
        "n": n,
        "found": found,
        "low": low,
        "high": high,
        "level": level,
        "expected": sum(row["expected"] * row["n"] for row in bins) / n,
    }
