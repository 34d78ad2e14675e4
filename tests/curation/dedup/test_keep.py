from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from curation.dedup import keep
from curation.dedup.config import DedupConfig
from data.errors import ConfigError
from data.records import FrameRecords


def order_of(config: DedupConfig, **columns: list[Any]) -> list[str]:
    """Record ids from best to worst."""
    n = len(next(iter(columns.values())))
    frame = pl.DataFrame({"record_id": [f"r{k}" for k in range(n)], **columns})
    merit = keep.merits(frame, config)
    rank = keep.ranks(merit)
    return [record for _, record in sorted(zip(rank.tolist(), merit["record_id"], strict=True))]


def test_length_keeps_the_longest_and_ties_by_record_id() -> None:
    prompts, answers = ["aa", "b", None, "éé"], ["bb", "bbbb", "c", "cc"]
    assert order_of(DedupConfig(), prompt=prompts, answer=answers) == ["r1", "r0", "r3", "r2"]


def test_quality_keeps_the_highest_number() -> None:
    config = DedupConfig(keep="quality", quality_column="stars")  # type: ignore[arg-type]
    assert order_of(config, stars=["2", "10", "n/a", None, "NaN", "2.5"]) == [
        "r1",
        "r5",
        "r0",
        "r2",
        "r3",
        "r4",
    ]
    assert order_of(config, stars=[1.5, None, 3.0]) == ["r2", "r0", "r1"]


@pytest.mark.parametrize(
    ("config", "known", "message"),
    [
        (
            {"keep": "quality"},
            {"quality": "3"},
            r"dedup\.keep=quality finds no number in the column 'quality'",
        ),
        ({"keep": "oldest"}, {"timestamp": "2024-05-01"}, "dedup.keep=oldest finds no record with a time"),
        (
            {"keep": "source_priority", "source_priority": ["book"]},
            {"source": "book"},
            "dedup.keep=source_priority finds no record of book",
        ),
    ],
)
def test_a_rule_that_can_tell_nothing_apart_is_the_users_mistake(
    config: dict[str, Any], known: dict[str, str], message: str
) -> None:
    without = FrameRecords.of(*({"messages": [], name: value} for name in known for value in (None, "good")))
    with pytest.raises(ConfigError, match=message):
        keep.check([without], DedupConfig(**config))
    # Of records that are added some may lack it.
    keep.check([without, FrameRecords.of({"messages": [], **known})], DedupConfig(**config))


def test_source_priority_keeps_the_earliest_in_the_list() -> None:
    config = DedupConfig(keep="source_priority", source_priority=["book", "forum"])  # type: ignore[arg-type]
    assert order_of(config, source=["forum", "web", "book", "forum", None]) == ["r2", "r0", "r3", "r1", "r4"]


def test_oldest_reads_common_timestamps() -> None:
    config = DedupConfig(keep="oldest")  # type: ignore[arg-type]
    stamps = [
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00+02:00",  # two hours earlier
        "2023-01-01",
        "yesterday",
        None,
        "1700000000",  # 2023-11-14
        "2024-05-01 11:59:59.5",
        "Wed, 21 Aug 2002 20:31:57 -0400",
    ]
    assert order_of(config, timestamp=stamps) == ["r7", "r2", "r5", "r1", "r6", "r0", "r3", "r4"]


def test_first_goes_by_file_and_line() -> None:
    config = DedupConfig(keep="first")  # type: ignore[arg-type]
    assert order_of(config, file=["b", "a", "a", "a"], line=[1, 10, 9, None]) == ["r2", "r1", "r3", "r0"]


@pytest.mark.parametrize("rule", ["length", "quality", "source_priority", "oldest", "first"])
def test_each_rule_names_its_columns(rule: str) -> None:
    config = DedupConfig(keep=rule, source_priority=["a"])  # type: ignore[arg-type]
    values = {name: ["1", "2"] for name in keep.columns(config)}
    assert sorted(order_of(config, **values)) == ["r0", "r1"]
