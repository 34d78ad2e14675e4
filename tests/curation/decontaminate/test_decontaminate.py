"""Each rule with a hit and a near miss; the n-gram rule against its definition; GSM8K's known truth."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation.decontaminate import (
    COLUMNS,
    REASONS,
    DecontaminateConfig,
    fingerprint,
    hits_per_task,
    judge,
    judge_batch,
)
from curation.decontaminate.words import words
from data.errors import ConfigError, SourceError
from data.records import FrameRecords

SHARED = Path(os.environ.get("TUNEPROOF_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))

CLIPS = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
LONG = CLIPS + " How many clips did Natalia sell altogether in April and May?"
SHORT = "Who wrote it?"


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "quiz.jsonl"
    path.write_text("\n".join(json.dumps({"question": text}) for text in (SHORT, CLIPS, LONG, "Why?")))
    return str(path)


def user(text: str, answer: str = "Let us see.") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


# text of the user's message -> the reason, its detail
HITS = {
    LONG: ("decontaminate_exact", "quiz item 2, in the user message"),
    f"Solve this.\n{CLIPS}": ("decontaminate_exact", "quiz item 1, in the user message"),
    SHORT: ("decontaminate_exact", "quiz item 0, in the user message"),
    "who wrote it": ("decontaminate_normalized", "quiz item 0, in the user message"),
    CLIPS.upper().replace(" ", "  "): ("decontaminate_normalized", "quiz item 1, in the user message"),
    f"Task: {CLIPS.replace(',', '')} Think.": ("decontaminate_contains", "quiz item 1, in the user message"),
}
NEAR_MISSES = (
    "Why?",  # too short to be evidence
    "Tell me: who wrote it?",  # too short to be looked for inside
    CLIPS.replace("April", "March").replace("48", "12"),
    "Natalia sold clips to 48 of her friends in April.",
    "Bella bought stamps at the post office, and some had a snowflake design.",
)


@pytest.mark.parametrize("text", HITS)
def test_hits(suite: str, text: str) -> None:
    found = judge(FrameRecords.of(user(text)), DecontaminateConfig(against=[suite]))
    reason, detail = HITS[text]
    assert found.select("action", "reason", "score", "detail").rows() == [("drop", reason, 1.0, detail)]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_near_misses(suite: str, text: str) -> None:
    assert judge(FrameRecords.of(user(text)), DecontaminateConfig(against=[suite])).is_empty()


def test_answers_and_plain_documents_are_searched(suite: str) -> None:
    rows = [
        user("Give an example.", f"Here: {CLIPS}"),
        {"kind": "text", "messages": [{"role": "document", "content": CLIPS}]},
    ]
    found = judge(FrameRecords.of(*rows), DecontaminateConfig(against=[suite]))
    places = [f"quiz item 1, in the {role} message" for role in ("assistant", "document")]
    assert found["detail"].to_list() == places


def overlap(item: str, record: str, width: int) -> float:
    """The fraction of the item's distinct n-grams that the record holds, by definition."""

    def grams(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        return {tuple(found[n : n + width]) for n in range(len(found) - width + 1)}

    return len(grams(item) & grams(record)) / max(1, len(grams(item)))


def test_ngram_overlap_equals_its_definition(tmp_path: Path) -> None:
    chosen = random.Random(5)
    vocabulary = ["a", "b", "c", "d", "e", "f", "g", "h"]
    questions = [" ".join(chosen.choices(vocabulary, k=60)) for _ in range(8)]
    path = tmp_path / "random.jsonl"
    path.write_text("\n".join(json.dumps({"question": q}) for q in questions))
    config = DecontaminateConfig(against=[str(path)], ngram_words=4, min_overlap=0.02, contain_words=50)
    records = []
    for _ in range(40):
        source = chosen.choice(questions).split()
        cut = chosen.randrange(5, 30)
        records.append(" ".join(source[cut : cut + 20] + chosen.choices(vocabulary, k=10)))
    found = judge(FrameRecords.of(*(user(text, "z") for text in records)), config)
    best = [max(overlap(q, text, 4) for q in questions) for text in records]
    assert found["score"].to_list() == pytest.approx([score for score in best if score >= 0.02])
    assert set(found["reason"]) == {"decontaminate_ngram"}


def test_an_item_spread_over_messages_is_found_by_its_ngrams(suite: str) -> None:
    half = len(LONG) // 2
    row = user(LONG[:half], LONG[half:])
    found = judge(FrameRecords.of(row), DecontaminateConfig(against=[suite], ngram_words=5, min_overlap=0.6))
    assert found["reason"].to_list() == ["decontaminate_ngram"]
    assert 0.6 <= found["score"][0] < 1


def test_phrases_of_a_template_are_no_evidence(tmp_path: Path) -> None:
    template = (
        "Your entire response should be in English, in small letters, and capital letters are not allowed: {}"
    )
    topics = [
        f"write of {a} and {b}" for a in ("tea", "rain", "iron", "dogs") for b in ("wind", "salt", "gold")
    ]
    path = tmp_path / "rules.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": template.format(topic)}) for topic in topics))
    config = DecontaminateConfig(against=[str(path)], min_overlap=0.5)
    assert judge(FrameRecords.of(user(template.format("sing of spring"))), config).is_empty()
    assert judge(FrameRecords.of(user(template.format(topics[3]))), config).height == 1


def test_several_tasks_and_equal_file_names(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_text(json.dumps({"question": LONG}))
    (tmp_path / "more.csv").write_text(f'text\n"{CLIPS}"\n')
    against = [str(tmp_path / name) for name in ("one/test.jsonl", "two/test.jsonl", "more.csv")]
    found = judge(FrameRecords.of(user(LONG)), DecontaminateConfig(against=against))
    assert found["detail"].to_list() == ["one/test item 0, in the user message; also in more (exact)"]
    assert hits_per_task(found).rows() == [
        ("more", "decontaminate_exact", 1),
        ("one/test", "decontaminate_exact", 1),
    ]


def test_a_record_counts_for_each_task_by_the_strongest_rule(tmp_path: Path) -> None:
    other = "Which of the four harbours did the two brothers leave on the first morning of May?"
    for name, question in {"long": LONG, "sea": other, "last": CLIPS}.items():
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"question": question}))
    config = DecontaminateConfig(
        against=[str(tmp_path / f"{name}.jsonl") for name in ("long", "sea", "last")]
    )
    both = user(LONG, "Say first: " + other.upper())
    found = judge(FrameRecords.of(both, user(other)), config)
    assert found.height == 2
    assert set(hits_per_task(found).rows()) >= {
        ("long", "decontaminate_exact", 1),
        ("sea", "decontaminate_contains", 1),
        ("sea", "decontaminate_exact", 1),
    }


def test_tag_off_and_nothing_to_compare_with(suite: str) -> None:
    records = FrameRecords.of(user(LONG))
    assert judge(records, DecontaminateConfig(against=[suite], action="tag"))["action"].to_list() == ["tag"]  # type: ignore[arg-type]
    assert judge(records, DecontaminateConfig(against=[suite], enabled=False)).is_empty()
    assert judge(records, DecontaminateConfig()).is_empty()


def test_chinese_items(tmp_path: Path) -> None:
    question = "小明有五个苹果他给了小红两个请问小明现在还剩下几个苹果呢请写出过程"
    (tmp_path / "zh.jsonl").write_text(json.dumps({"question": question}))
    config = DecontaminateConfig(against=[str(tmp_path / "zh.jsonl")])
    found = judge(FrameRecords.of(user(f"请回答:{question}。"), user("小明有五个苹果")), config)
    assert found.select("record_id", "reason").rows() == [("r000", "decontaminate_exact")]


def test_changed_evaluation_file_changes_the_fingerprint_and_the_verdicts(suite: str) -> None:
    config, records = DecontaminateConfig(against=[suite]), FrameRecords.of(user(LONG))
    before = fingerprint(config)
    assert judge(records, config).height == 1
    Path(suite).write_text(json.dumps({"question": "Something else entirely, is it not?"}))
    assert fingerprint(config) != before
    assert judge(records, config).is_empty()


def test_shuffled_and_split_records_give_the_same_verdicts(suite: str) -> None:
    rows = [{"record_id": f"{n:03d}", **user(text)} for n, text in enumerate((*HITS, *NEAR_MISSES))]
    config = DecontaminateConfig(against=[suite])
    expected = judge(FrameRecords.of(*rows), config)
    random.Random(2).shuffle(rows)
    assert judge(FrameRecords.of(*rows), config).equals(expected)
    batch = FrameRecords.of(*rows).frame(*COLUMNS).collect()
    assert pl.concat([judge_batch(piece, config) for piece in batch.iter_slices(3)]).equals(expected)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"min_overlap": 0.0}, "decontaminate.min_overlap=0.0"),
        ({"ngram_words": 1}, "decontaminate.ngram_words=1"),
        ({"contain_chars": 0}, "decontaminate.contain_chars=0"),
        ({"action": "delete"}, "decontaminate.action=delete"),
    ],
)
def test_mistakes_name_the_key(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        DecontaminateConfig(**keys)
    assert said in str(error.value)


def test_a_missing_file() -> None:
    with pytest.raises(SourceError, match=r"no such evaluation file: nowhere\.jsonl"):
        judge(FrameRecords.of(user(LONG)), DecontaminateConfig(against=["nowhere.jsonl"]))


def test_every_reason_was_met() -> None:
    elsewhere = {"decontaminate_ngram", "decontaminate_near"}  # above, and in test_near.py
    assert {reason for reason, _ in HITS.values()} | elsewhere == set(REASONS)


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of public data sets is absent")
def test_gsm8k_in_flan_cot() -> None:
    text = (SHARED / "sft_flan_cot" / "gsm8k_train.tsv").read_bytes().decode()
    rows = [line.split("\t") for line in text.split("\n") if line]
    records = FrameRecords.of(*(user(question, f"{reason}\n{answer}") for question, answer, reason in rows))
    train = judge(records, DecontaminateConfig(against=[str(SHARED / "eval_gsm8k" / "train.jsonl")]))
    assert dict(train["reason"].value_counts().iter_rows()) == {
        "decontaminate_exact": 5657,
        "decontaminate_normalized": 7473 - 5657,
    }
    test = [str(SHARED / "eval_gsm8k" / "test.jsonl")]
    assert judge(records, DecontaminateConfig(against=test)).is_empty()
    # Two questions share a template: they are what the default of min_overlap has to stay above.
    nearest = judge(records, DecontaminateConfig(against=test, min_overlap=0.1))
    assert nearest["score"].max() == pytest.approx(7 / 13)
