"""The section on topics stands where they were measured, and says what the facts say."""

from __future__ import annotations

from typing import Any

from audit.topics_chapter import topics_section
from data.facts import Fact
from data.report import Chart, Table


def fact(name: str, value: float, slice_: str = "all", **detail: Any) -> Fact:
    return Fact(
        subject="v-1",
        subject_kind="version",
        name=name,
        value=value,
        unit="",
        slice=slice_,
        n=50,
        detail=detail,
    )


def test_topics_without_test_rows_are_counted() -> None:
    facts = [
        fact("topics_effective", 1.8),
        fact("semantic_pairs", 3.0, least_cosine=0.95, pairs=[["a" * 16, "b" * 16, 0.9876]]),
        fact("topic_share", 0.7, "topic=1", words=["tea", "cup", "milk", "sugar"], rows=35, test_rows=5),
        fact("topic_share", 0.3, "topic=2", words=[], rows=15, test_rows=0),
    ]
    callout, chart, table, nearest = topics_section(facts).blocks
    assert isinstance(table, Table)
    assert isinstance(nearest, Table)
    assert nearest.rows[0][2] == "0.988"
    assert "The 1 nearest of 3 pairs" in nearest.caption
    said = callout.text  # type: ignore[union-attr]
    assert "1.80 topics of equal size" in said
    assert "1 of them have no row in the test split" in said
    assert "Nearly the same in other words: 3 pairs (cosine" in said
    assert isinstance(chart, Chart)
    assert [row["name"] for row in chart.rows] == ["1  tea, cup, milk", "2  topic 2"]
    assert [row[1] for row in table.rows] == ["35", "15"]
