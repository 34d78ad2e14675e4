from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

from curation.dedup import CODE, REASONS, DedupConfig, judge
from data.records import FrameRecords
from data.verdicts import VERDICT_SCHEMA


def chat(prompt: str, answer: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


LONG = "Our office is open from nine to five on weekdays and from ten to two on the first Saturday of every month"
WORDS = [f"w{k:03d}" for k in range(120)]


def span(first: int, last: int) -> str:
    return " ".join(WORDS[first:last])


ROWS = [
    chat("When are you open?", LONG, record_id="a1"),
    chat("WHEN are you open", LONG + ".", record_id="a2"),
    chat("When are you open?", LONG + " at least", record_id="a3"),
    chat(
        "When are you open?", "We are closed for the holidays until the second week of January", record_id="b"
    ),
    chat("Tell me", span(0, 81), record_id="c1"),
    chat("Tell me", span(8, 88), record_id="c2"),
    chat("Tell me", span(16, 96), record_id="c3"),
    chat("Name it", span(20, 100) + " and more", record_id="d1"),
    chat("Name it", span(30, 110), record_id="d2"),
    chat("", "", record_id="e1"),
    chat("", "", record_id="e2"),
]


def by_id(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["record_id"]: row for row in frame.to_dicts()}


@pytest.mark.parametrize("method", ["minhash", "exact_join"])
def test_each_reason(method: str) -> None:
    made = judge(FrameRecords.of(*ROWS), DedupConfig(method=method))  # type: ignore[arg-type]
    said = by_id(made)
    assert {record: (row["action"], row["reason"], row["partner"]) for record, row in said.items()} == {
        "a1": ("drop", "dedup_near", "a3"),
        "a2": ("drop", "dedup_near", "a3"),
        "c2": ("drop", "dedup_near", "c1"),
        "c3": ("drop", "dedup_near", "c1"),
        "d2": ("tag", "dedup_border", "d1"),
    }
    assert set(made["reason"]) <= set(REASONS)
    assert dict(made.schema) == {**VERDICT_SCHEMA}
    assert said["a1"]["score"] == 18 / 20
    assert said["a1"]["detail"] == "kept by length: 132 characters against 123 characters"
    assert said["c3"]["score"] == pytest.approx(61 / 92)
    assert (
        "chained: 0.663 to the kept record is below 0.8, joined through c2 at 0.8095" in said["c3"]["detail"]
    )
    assert 0.7 <= said["d2"]["score"] < 0.8


def test_equal_words_are_told_from_near_ones() -> None:
    made = by_id(judge(FrameRecords.of(*ROWS[:2]), DedupConfig(keep="first")))  # type: ignore[arg-type]
    assert made["a2"]["reason"] == "dedup_exact_canonical"
    assert (made["a2"]["partner"], made["a2"]["score"]) == ("a1", 1.0)


def test_different_labels_are_said() -> None:
    rows = [
        chat("Open?", LONG, record_id=f"r{k}", label=label) for k, label in enumerate(["a", "b", "a", None])
    ]
    made = by_id(judge(FrameRecords.of(*rows), DedupConfig()))
    assert {record: "the labels differ" in row["detail"] for record, row in made.items()} == {
        "r1": True,
        "r2": False,
        "r3": False,
    }


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"keep": "length"}, "r2"),
        ({"keep": "quality", "quality_column": "stars"}, "r1"),
        ({"keep": "source_priority", "source_priority": ["book"]}, "r3"),
        ({"keep": "oldest"}, "r0"),
        ({"keep": "first"}, "r4"),
    ],
)
def test_keep_rules(rule: dict[str, Any], kept: str) -> None:
    rows = [
        chat("Open?", LONG, record_id="r0", timestamp="2020-01-01", file="b", line=9),
        chat("Open?", LONG, record_id="r1", metadata='{"stars": 5}', file="b", line=8),
        chat("Open?", LONG + " always", record_id="r2", metadata='{"stars": 4}', file="b", line=7),
        chat("Open?", LONG, record_id="r3", source="book", file="b", line=6),
        chat("Open?", LONG, record_id="r4", timestamp="2021-01-01", file="a", line=10),
    ]
    made = judge(FrameRecords.of(*rows), DedupConfig(**rule))
    assert set(made["record_id"]) == {"r0", "r1", "r2", "r3", "r4"} - {kept}
    assert set(made["partner"]) == {kept}


def test_shuffled_records_give_the_same_verdicts() -> None:
    config = DedupConfig()
    wanted = judge(FrameRecords.of(*ROWS), config).sort("record_id")
    for seed in range(3):
        rows = random.Random(seed).sample(ROWS, len(ROWS))
        assert judge(FrameRecords.of(*rows), config).sort("record_id").equals(wanted)


def test_what_is_compared_is_configured() -> None:
    rows = [
        chat("Same question of ours", "Yes", record_id="x"),
        chat("Same question of ours", "No", record_id="y"),
    ]
    dropped = {
        keys: set(judge(FrameRecords.of(*rows), DedupConfig(keys=keys))["record_id"])  # type: ignore[arg-type]
        for keys in ("prompt", "answer", "text", "prompt_and_answer")
    }
    assert dropped == {"prompt": {"y"}, "answer": set(), "text": set(), "prompt_and_answer": set()}


def test_at_most_so_many_border_tags_the_nearest_first() -> None:
    rows = [chat("Q", span(0, 60) + " x" * 2, record_id="a"), chat("Q", span(0, 52), record_id="b")]
    rows += [chat("Q", " ".join(f"v{k}" for k in range(60 - 9 * n)), record_id=f"c{n}") for n in (0, 1)]
    every = judge(FrameRecords.of(*rows), DedupConfig(method="exact_join", threshold=0.95))  # type: ignore[arg-type]
    assert set(every["reason"]) == {"dedup_border"}
    assert every.height == 2
    one = judge(FrameRecords.of(*rows), DedupConfig(method="exact_join", threshold=0.95, max_reported=1))  # type: ignore[arg-type]
    assert one["score"].to_list() == [every["score"].max()]
    none = DedupConfig(method="exact_join", threshold=0.95, max_reported=0)  # type: ignore[arg-type]
    assert judge(FrameRecords.of(*rows), none).is_empty()


def test_off_and_empty() -> None:
    assert judge(FrameRecords.of(*ROWS), DedupConfig(method="off")).is_empty()  # type: ignore[arg-type]
    assert judge(
        FrameRecords(pl.DataFrame(schema=FrameRecords.of(*ROWS).frame().collect_schema())), DedupConfig()
    ).is_empty()


def test_code_lists_the_files_of_the_stage() -> None:
    assert {path.name for path in CODE} >= {"kernel.py", "stage.py", "decide.py", "join_kernel.py"}
