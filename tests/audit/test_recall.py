"""What the deduplication measured of itself: found through the lineage, told in words, and never passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from audit.checks import run_checks, selected
from audit.config import AuditConfig
from audit.context import Context
from audit.recall_chapter import recall_blocks, sentence
from audit.report import build
from curation.dedup import DedupConfig, measure
from curation.pipeline import plain
from data.facts import Fact
from data.report import Chart, Report, Table
from data.report.charts import save

MakeRows = Callable[[int], list[dict[str, Any]]]
# (from, to): pairs made, pairs found, chance to be found
BINS = {
    (0.75, 0.80): (10, 7, 0.99),
    (0.80, 0.85): (40, 36, 0.95),
    (0.85, 0.90): (60, 60, 0.99),
    (0.90, 0.95): (0, 0, 1.0),
}


def stored(version: str, bins: dict[tuple[float, float], tuple[int, int, float]]) -> list[Fact]:
    """Facts as the dedup stage stores them."""
    return [
        Fact(
            subject=version,
            subject_kind="version",
            name="near_duplicate_recall",
            value=found / n if n else None,
            unit="fraction",
            slice=f"jaccard={low:.2f}..{high:.2f}",
            n=n,
            low=0.2,
            high=0.9,
            level=0.95,
            detail={"found": found, "expected": expected},
        )
        for (low, high), (n, found, expected) in bins.items()
    ]


def deduplicated(workshop: Any, rows: list[dict[str, Any]], config: DedupConfig, bins: Any = None) -> str:
    """A version with a dedup stage, which has facts of `bins`, and two later ones; the id of the dedup version."""
    workshop.ingest(rows)
    version = str(workshop.drop("dedup", lambda row: row["line"] <= 3, plain(config)))
    workshop.store.add_facts(stored(version, bins or {}))
    workshop.drop("quality", lambda row: row["line"] <= 5)
    workshop.split(lambda row: "train" if row["line"] <= 40 else "test")
    return version


def audited(workshop: Any, checks: list[str]) -> Report:
    context = Context.of(workshop.store, AuditConfig())
    chosen = selected(checks)
    return build(context, run_checks(context, chosen), chosen)


def detail_of(workshop: Any) -> dict[str, Any]:
    context = Context.of(workshop.store, AuditConfig())
    return run_checks(context, selected(["QUA-001"]))[0].detail


def test_facts_come_from_the_dedup_version_and_not_from_another(workshop: Any, many_rows: MakeRows) -> None:
    version = deduplicated(workshop, many_rows(80), DedupConfig(), BINS)
    workshop.store.add_facts(stored(workshop.store.resolve("latest"), {(0.80, 0.85): (9, 1, 0.5)}))
    recall = detail_of(workshop)["recall"]
    assert recall["version"] == version
    assert [(b["from"], b["n"], b["found"], b["place"]) for b in recall["bins"]] == [
        (0.75, 10, 7, "below"),
        (0.80, 40, 36, "above"),
        (0.85, 60, 60, "above"),
        (0.90, 0, 0, "above"),
    ]


def test_the_sum_counts_only_pairs_at_or_above_the_threshold(workshop: Any, many_rows: MakeRows) -> None:
    deduplicated(workshop, many_rows(80), DedupConfig(), BINS)
    above = detail_of(workshop)["recall"]["above"]
    assert (above["n"], above["found"]) == (100, 96)
    # Newcombe's Wilson interval of 96 of 100.
    assert (above["low"], above["high"]) == pytest.approx((0.9016, 0.9843), abs=1e-4)
    assert above["expected"] == pytest.approx((40 * 0.95 + 60 * 0.99) / 100)
    # The empty bin says nothing of 0.90 to 0.95.
    assert (above["from"], above["to"]) == (0.80, 0.90)


def test_a_bin_that_the_threshold_cuts_is_not_counted(workshop: Any, many_rows: MakeRows) -> None:
    deduplicated(workshop, many_rows(80), DedupConfig(threshold=0.82), BINS)
    recall = detail_of(workshop)["recall"]
    assert (recall["above"]["n"], recall["above"]["found"]) == (60, 60)
    assert [b["place"] for b in recall["bins"]] == ["below", "across", "above", "above"]
    table = next(block for block in recall_blocks({"recall": recall}) if isinstance(block, Table))
    assert [row[0] for row in table.rows][2] == "0.80 to 0.85 (partly below)"


def test_the_sentence_tells_finds_and_misses() -> None:
    above = {"from": 0.8, "to": 0.95, "n": 100, "found": 96, "low": 0.902, "high": 0.984, "level": 0.95}
    words = sentence({**above, "expected": 0.998})
    assert words.startswith(
        "Of 100 pairs of texts made similar on purpose, the deduplication found 96 and missed 4: 96.0 % "
        "(95 % interval 90.2 % to 98.4 %). By its settings, 99.80 % were to be expected."
    )
    assert "found all 100: 100 %" in sentence({**above, "found": 100, "expected": 1.0})


def test_the_chapter_shows_chart_table_and_sentence(
    workshop: Any, many_rows: MakeRows, tmp_path: Any
) -> None:
    version = deduplicated(workshop, many_rows(80), DedupConfig(), BINS)
    report = audited(workshop, ["QUA-001"])
    (quality,) = (section for section in report.sections if section.id == "quality")
    (chart,) = (block for block in quality.blocks if isinstance(block, Chart))
    assert [(row["name"], row["n"], row["found"], row["expected"]) for row in chart.rows] == [
        ("0.85 to 0.90", 60, 60, 0.99),
        ("0.80 to 0.85", 40, 36, 0.95),
        ("0.75 to 0.80 (below)", 10, 7, 0.99),
    ]
    assert "<svg" in save(chart.chart(), tmp_path / "chart.svg").read_text()
    table = next(block for block in quality.blocks if isinstance(block, Table) and version in block.caption)
    assert [row[1:3] for row in table.rows] == [[0, 0], [60, 60], [40, 36], [10, 7]]
    assert "the two texts were compared" in table.caption
    assert any("found 96 and missed 4" in getattr(block, "text", "") for block in quality.blocks)
    assert not any("deduplication" in sentence for sentence in report.not_examined)


@pytest.mark.parametrize(
    ("config", "bins", "why"),
    [
        (None, None, "The deduplication did not run"),
        (DedupConfig(), None, "left no measurement"),
        (DedupConfig(), {(0.80, 0.85): (0, 0, 1.0)}, "No pair could be made that is as similar"),
        (DedupConfig(threshold=0.97), BINS, "threshold (0.97)"),
    ],
)
def test_what_was_not_measured_is_said_on_the_cover(
    workshop: Any, many_rows: MakeRows, config: DedupConfig | None, bins: Any, why: str
) -> None:
    if config is None:
        workshop.ingest(many_rows(80))
    else:
        deduplicated(workshop, many_rows(80), config, bins)
    report = audited(workshop, ["QUA-001"])
    told = [s for s in report.not_examined if s.startswith("Near-duplicates (QUA-001):") and why in s]
    assert len(told) == 1
    (quality,) = (section for section in report.sections if section.id == "quality")
    texts = [getattr(block, "text", "") for block in quality.blocks]
    assert any(why in text for text in texts)
    assert not any("made similar on purpose" in text for text in texts)
    # It is a measurement without a threshold: that it is missing gives no verdict.
    assert not any(why in fact.detail.get("says", "") for fact in report.facts)
    without = audited(workshop, ["QUA-002"])
    assert not any(why in s for s in without.not_examined)


def test_what_the_stage_itself_stores_is_understood(
    workshop: Any, many_rows: MakeRows, sentences: Callable[..., str]
) -> None:
    rows = [{**row, "completion": sentences(i, 60)} for i, row in enumerate(many_rows(200))]
    ingest = workshop.ingest(rows)
    version = workshop.stage("dedup", [], plain(DedupConfig()))
    read = workshop.store.read
    own = measure(read(ingest), read(version), DedupConfig())
    workshop.store.add_facts(own)
    above = detail_of(workshop)["recall"]["above"]
    counted = [fact for fact in own if not fact.slice.startswith("jaccard=0.75") and fact.n]
    assert above["n"] == sum(fact.n or 0 for fact in counted) > 30
    assert above["found"] == sum(fact.detail["found"] for fact in counted)
