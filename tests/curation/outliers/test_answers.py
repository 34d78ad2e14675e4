"""One answer for everything, several answers to the same: against plain loops over small sets."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.outliers import OutliersConfig, judge
from data.records import FrameRecords

CANNED = "Thank you for your question, we will come back to you soon."


def records(pairs: list[tuple[str, str]], **about: str) -> FrameRecords:
    return FrameRecords.of(
        *(
            {
                "messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}],
                **about,
            }
            for prompt, answer in pairs
        )
    )


def own(count: int) -> list[tuple[str, str]]:
    return [
        (f"What is {n}?", f"It is the number {n}, as far as anybody is able to say.") for n in range(count)
    ]


def test_one_answer_to_many_prompts_is_noted() -> None:
    canned = [(f"Help {n}", CANNED.upper() if n == 2 else f" {CANNED}") for n in range(6)]
    found = judge(records([*own(94), *canned], task="help"), OutliersConfig())
    assert set(found["reason"]) == {"outliers_constant"}
    assert set(found["detail"]) == {"the answer to 6 different prompts of 100 records of its task"}
    assert found["record_id"].to_list() == [f"r{n:03d}" for n in range(94, 100)]
    assert found["partner"].to_list() == ["r095"] + 5 * ["r094"]
    assert found["score"].to_list() == pytest.approx(6 * [0.06])


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([(f"Is it {n}?", "no") for n in range(90)], "classes are short"),
        ([(f"Help {n}", CANNED) for n in range(4)], "four prompts are few"),
        ([("Help", CANNED)] * 20, "copies are not different prompts"),
    ],
)
def test_what_is_not_a_constant_answer(pairs: list[tuple[str, str]], why: str) -> None:
    assert judge(records([*own(60), *pairs]), OutliersConfig(families={"length": "off"})).is_empty(), why


def test_a_rare_answer_in_a_large_task_is_not_constant() -> None:
    canned = [(f"Help {n}", CANNED) for n in range(6)]
    assert judge(records([*own(594), *canned]), OutliersConfig()).is_empty()
    assert judge(records([*own(593), *canned]), OutliersConfig()).height == 6


def test_several_answers_to_one_prompt_are_noted() -> None:
    pairs = [
        ("Who?", "Ann"),
        ("Why?", "So"),
        ("who? ", "ANN"),
        ("Who?", "Bob"),
        ("Who?", "Cid"),
        ("Why?", "so"),
    ]
    found = judge(records(pairs), OutliersConfig())
    assert found.select("record_id", "action", "reason", "score", "partner", "detail").rows() == [
        (f"r00{n}", "tag", "outliers_inconsistent", 3.0, partner, "its prompt has 3 different answers")
        for n, partner in [(0, "r003"), (2, "r003"), (3, "r000"), (4, "r000")]
    ]


def test_other_labels_of_a_text_are_for_the_exact_stage() -> None:
    rows = [
        {"kind": "labelled", "label": label, "messages": [{"role": "user", "content": "call me"}]}
        for label in ("ham", "spam")
    ]
    assert judge(FrameRecords.of(*rows), OutliersConfig()).is_empty()


def test_no_prompt_is_no_question() -> None:
    rows = [{"messages": [{"role": "assistant", "content": f"story {n}"}]} for n in range(3)]
    assert judge(FrameRecords.of(*rows), OutliersConfig()).is_empty()


some_pairs = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("xyz")), min_size=3, max_size=30)


@settings(max_examples=150, deadline=None)
@given(some_pairs, st.integers(2, 4), st.integers(0, 10))
def test_both_equal_a_plain_loop(pairs: list[tuple[str, str]], prompts: int, tenths: int) -> None:
    config = OutliersConfig(
        min_rows=3, min_answer_words=1, min_prompts=prompts, max_answer_fraction=tenths / 10,
        families={"length": "off"},
    )  # fmt: skip
    answers_to, prompts_of = defaultdict(set), defaultdict(set)
    for prompt, answer in pairs:
        answers_to[prompt].add(answer)
        prompts_of[answer].add(prompt)
    expected = set()
    for n, (prompt, answer) in enumerate(pairs):
        if len(answers_to[prompt]) > 1:
            expected.add((f"r{n:03d}", "outliers_inconsistent", float(len(answers_to[prompt]))))
        share = len(prompts_of[answer]) / len(pairs)
        if len(prompts_of[answer]) >= prompts and share > tenths / 10:
            expected.add((f"r{n:03d}", "outliers_constant", share))
    found = judge(records(pairs), config)
    assert set(found.select("record_id", "reason", "score").rows()) == expected
    told = {f"r{n:03d}": pair for n, pair in enumerate(pairs)}
    for record, reason, partner in found.select("record_id", "reason", "partner").rows():
        one, other = told[record], told[partner]
        assert record != partner
        if reason == "outliers_inconsistent":
            assert (one[0], one[1]) != other
            assert one[0] == other[0]
        else:
            assert one[1] == other[1]


def test_shuffled_records_give_the_same_verdicts() -> None:
    rows = [
        {
            "record_id": f"r{n:03d}",
            "ingest_number": 2 - n % 2,
            "messages": [{"role": "user", "content": p}, {"role": "assistant", "content": a}],
        }
        for n, (p, a) in enumerate(
            [
                *own(60),
                *((f"Help {n}", CANNED) for n in range(9)),
                ("What is 3?", "x" * 900),
                ("What is 3?", "y"),
            ]
        )
    ]
    expected = judge(FrameRecords.of(*rows), OutliersConfig())
    assert set(expected["reason"]) == {"outliers_length", "outliers_constant", "outliers_inconsistent"}
    # The older ones, of the first ingest, are the partners.
    constant = expected.filter(reason="outliers_constant")
    assert constant["partner"].unique().sort().to_list() == ["r061", "r063"]
    random.Random(3).shuffle(rows)
    assert judge(FrameRecords.of(*rows), OutliersConfig()).equals(expected)
