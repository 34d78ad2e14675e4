"""The answer of the nearest training prompt is copied, whatever the order of training."""

from __future__ import annotations

from eval.items import Item
from eval.nearest import copy_nearest


def item(identity: str, question: str, answer: str = "") -> Item:
    return Item(identity, [{"role": "user", "content": question}], [answer])


TRAINING = [
    item("c", "fresh bread at the park", "bread answer"),
    item("b", "hot soup at the harbour", "soup answer"),
    item("a", "hot soup at the harbour", "the same prompt, smaller id"),
    item("d", "museum tickets for children", "museum answer"),
]


def test_the_nearest_prompt_is_copied_and_ties_go_to_the_smallest_id() -> None:
    asked = [item("1", "hot soup at the harbour"), item("2", "are there museum tickets?"), item("3", "bread")]
    found = copy_nearest(TRAINING, asked)
    assert [(answer, record) for answer, record, _ in found] == [
        ("the same prompt, smaller id", "a"),
        ("museum answer", "d"),
        ("bread answer", "c"),
    ]
    assert found[0][2] > 0.999 and 0 < found[1][2] < 1
    assert copy_nearest(TRAINING[::-1], asked) == found


def test_a_question_that_shares_no_word_copies_the_smallest_id() -> None:
    assert copy_nearest(TRAINING, [item("1", "xyzzy")]) == [("the same prompt, smaller id", "a", 0.0)]
