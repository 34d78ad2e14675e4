"""What the default rules remove of real sets: bounds that a new false alarm breaks."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from curation.quality import QualityConfig, judge
from data.records import FrameRecords

SHARED = Path(os.environ.get("TUNEPROOF_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of public data sets is absent"),
]


def dropped(pairs: list[tuple[str, str]]) -> Counter[str]:
    rows = [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in pairs
    ]
    found = judge(FrameRecords.of(*rows), QualityConfig())
    return Counter(found.filter(action="drop")["reason"])


def tsv(name: str) -> list[list[str]]:
    text = (SHARED / "sft_flan_cot" / f"{name}_train.tsv").read_bytes().decode()
    return [line.replace("\\n", "\n").split("\t") for line in text.split("\n") if line.count("\t") == 2]


@pytest.mark.parametrize("name", ["creak", "ecqa", "gsm8k", "qasc", "strategyqa"])
def test_nothing_is_dropped_of_clean_reasoning_sets(name: str) -> None:
    rows = tsv(name)
    assert dropped([(question, answer) for question, answer, _ in rows]) == {}
    assert dropped([(question, f"{reason}\n{answer}") for question, answer, reason in rows]) == {}


def test_aqua_loses_its_mojibake_only() -> None:
    found = dropped([(question, f"{reason}\n{answer}") for question, answer, reason in tsv("aqua")])
    assert set(found) == {"quality_mojibake"}
    assert 60 <= found["quality_mojibake"] <= 75


@pytest.mark.parametrize(
    ("file", "most"),
    [("Codegen/codegen-instruct.json", 1), ("Roleplay/roleplay-simple-deduped-roleplay-instruct.json", 0)],
)
def test_gpteacher(file: str, most: int) -> None:
    rows = json.loads((SHARED / "sft_gpteacher" / file).read_text(encoding="utf-8"))
    assert sum(dropped([(f"{r['instruction']}\n{r['input']}", r["response"]) for r in rows]).values()) <= most


def test_labelled_texts_are_left_alone() -> None:
    with (SHARED / "support_banking77/banking_data/train.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {"kind": "labelled", "label": r["category"], "messages": [{"role": "user", "content": r["text"]}]}
            for r in csv.DictReader(file)
        ]
    assert judge(FrameRecords.of(*rows), QualityConfig()).is_empty()
