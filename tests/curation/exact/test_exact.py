"""Equal records: which are, which stay, and which only look it."""

from __future__ import annotations

import random

from curation.exact import ExactConfig, judge
from data.records import FrameRecords


def chat(prompt: str, answer: str, **about):
    return {
        "messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}],
        **about,
    }


def test_equal_bytes_and_equal_words_are_told_apart() -> None:
    records = FrameRecords.of(
        chat("Hello", "World"), chat("Hello", "World"), chat(" hello ", "ＷＯＲＬＤ"), chat("Hello", "World!")
    )
    found = judge(records, ExactConfig()).select("record_id", "action", "reason", "partner").rows()
    assert found == [("r001", "drop", "exact_bytes", "r000"), ("r002", "drop", "exact_normalised", "r000")]
    assert judge(records, ExactConfig(normalise=False))["record_id"].to_list() == ["r001"]


def test_what_stands_in_the_prompt_is_not_what_stands_in_the_answer() -> None:
    records = FrameRecords.of(chat("a b", "c"), chat("a", "b c"))
    assert judge(records, ExactConfig()).is_empty()


def test_other_labels_make_other_records_and_are_noted() -> None:
    def text(label: str):
        return {"messages": [{"role": "user", "content": "call me"}], "kind": "labelled", "label": label}

    found = judge(FrameRecords.of(text("ham"), text("spam"), text("ham")), ExactConfig())
    assert sorted(found.select("record_id", "action", "reason").rows()) == [
        ("r000", "tag", "exact_conflict"),
        ("r001", "tag", "exact_conflict"),
        ("r002", "drop", "exact_bytes"),
    ]


def test_the_older_record_stays_and_order_does_not_matter() -> None:
    rows = [chat(f"q{n % 3}", "a", record_id=f"r{n:03d}", ingest_number=2 if n < 3 else 1) for n in range(6)]
    expected = judge(FrameRecords.of(*rows), ExactConfig())
    assert expected.select("record_id", "partner").rows() == [
        ("r000", "r003"),
        ("r001", "r004"),
        ("r002", "r005"),
    ]
    random.Random(1).shuffle(rows)
    assert judge(FrameRecords.of(*rows), ExactConfig()).equals(expected)
