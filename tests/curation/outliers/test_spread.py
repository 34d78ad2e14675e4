"""Far lengths and numbers: the formula by hand, and what may not change the answer."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.outliers import OutliersConfig, judge
from data.errors import ConfigError
from data.records import FrameRecords

LENGTHS = [98, 99, 100, 100, 101, 102, 103] * 8


def answers(lengths: list[int], **about: Any) -> FrameRecords:
    return FrameRecords.of(
        *(
            {
                "messages": [
                    {"role": "user", "content": f"q{n}"},
                    {"role": "assistant", "content": "é" * length},
                ],
                **about,
            }
            for n, length in enumerate(lengths)
        )
    )


def texts(lengths: list[int], label: str, start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "record_id": f"{label}{start + n:03d}",
            "kind": "labelled",
            "label": label,
            "messages": [{"role": "user", "content": "t" * length}],
        }
        for n, length in enumerate(lengths)
    ]


def numbers(values: list[float | str | None], **keys: Any) -> dict[str, float]:
    """Scores by record id of the records with `values` in the column age."""
    rows = [
        {
            "messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}],
            "age": None if value is None else str(value),
        }
        for n, value in enumerate(values)
    ]
    config = OutliersConfig(columns=["age"], families={"inconsistent": "off", "length": "off"}, **keys)
    return scores(FrameRecords.of(*rows), config, "outliers_numeric")


def scores(records: FrameRecords, config: OutliersConfig, reason: str) -> dict[str, float]:
    found = judge(records, config)
    assert set(found["reason"]) <= {reason}
    assert set(found["action"]) <= {"tag"}
    return dict(found.select("record_id", "score").rows())


def by_hand(values: list[float], least: float = 0.0) -> list[float]:
    middle = median(values)
    spread = max(median(abs(value - middle) for value in values), least)
    return [0.6745 * (value - middle) / spread if spread else 0.0 for value in values]


def test_far_answers_are_noted_with_the_median_and_without_a_word() -> None:
    found = judge(answers([*LENGTHS, 500, 12, 400, 26]), OutliersConfig())
    assert found.select("record_id", "action", "reason", "detail").rows() == [
        ("r056", "tag", "outliers_length", "500 characters, where half of the 60 records have at most 100"),
        ("r057", "tag", "outliers_length", "12 characters, where half of the 60 records have at most 100"),
    ]
    assert found["score"].to_list() == pytest.approx(
        [0.6745 * math.log(5) / 0.2, 0.6745 * math.log(0.12) / 0.2], rel=0.02
    )


def test_few_rows_say_nothing() -> None:
    assert judge(answers([*LENGTHS[:48], 9000]), OutliersConfig()).is_empty()
    assert judge(answers([*LENGTHS[:49], 9000]), OutliersConfig()).height == 1


def test_a_label_a_task_and_a_kind_are_groups_of_their_own() -> None:
    rows = [*texts([20] * 60, "short"), *texts([900] * 60, "long"), *texts([900], "short", 60)]
    found = judge(FrameRecords.of(*rows), OutliersConfig())
    assert found.select("record_id", "detail").rows() == [
        ("short060", "900 characters, where half of the 61 records of its label have at most 20")
    ]
    # Of one task they are all alike, and half of them are short.
    assert judge(FrameRecords.of(*({**row, "task": "sort"} for row in rows)), OutliersConfig()).is_empty()
    # Without groups it is among 61 long ones and 60 short.
    assert judge(FrameRecords.of(*rows), OutliersConfig(by=[])).is_empty()
    dialogues = answers([900] * 60).frame().collect().to_dicts()
    mixed = FrameRecords.of(*(row | {"label": None} for row in rows[:60]), *dialogues)
    assert judge(mixed, OutliersConfig(by=[])).is_empty()


def test_equal_lengths_have_a_least_spread() -> None:
    assert scores(answers([100] * 60 + [440, 445]), OutliersConfig(), "outliers_length").keys() == {"r061"}
    assert not judge(answers([100] * 60 + [440, 445]), OutliersConfig(min_spread=0)).height


def test_a_second_kind_is_no_outlier() -> None:
    assert judge(answers([*LENGTHS, *[900] * 6]), OutliersConfig()).height == 6
    assert judge(answers([*LENGTHS, *[900] * 7]), OutliersConfig()).is_empty()
    assert judge(answers([*LENGTHS, *[900] * 7]), OutliersConfig(max_far_fraction=0.2)).height == 7


def test_empty_texts_are_not_measured() -> None:
    assert judge(answers([*LENGTHS, 0, 0]), OutliersConfig()).is_empty()


lengths_of = st.lists(st.integers(1, 400), min_size=3, max_size=40)


@settings(max_examples=100, deadline=None)
@given(lengths_of, st.integers(2, 7))
def test_a_factor_on_all_lengths_changes_nothing(lengths: list[int], factor: int) -> None:
    config = OutliersConfig(
        min_rows=3, max_z=1.2345, max_far_fraction=1, families={"inconsistent": "off", "constant": "off"}
    )
    one = scores(answers(lengths), config, "outliers_length")
    other = scores(answers([factor * length for length in lengths]), config, "outliers_length")
    assert one == pytest.approx(other)
    assert one == pytest.approx(
        {
            f"r{n:03d}": z
            for n, z in enumerate(by_hand([math.log(length) for length in lengths], 0.2))
            if abs(z) > 1.2345
        }
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-500, 500), min_size=3, max_size=40), st.integers(1, 9), st.integers(-10_000, 10_000)
)
def test_another_unit_or_zero_of_a_number_changes_nothing(
    values: list[int], factor: int, offset: int
) -> None:
    keys = {"min_rows": 3, "max_z": 1.2345, "max_far_fraction": 1}
    one = numbers(list(values), **keys)
    assert one == pytest.approx(numbers([factor * value + offset for value in values], **keys))
    assert one == pytest.approx(
        {f"r{n:03d}": z for n, z in enumerate(by_hand(list(map(float, values)))) if abs(z) > 1.2345}
    )
    mirrored = numbers([-value for value in values], **keys)
    assert one == pytest.approx({record: -z for record, z in mirrored.items()})


def test_numbers_that_are_none_are_passed_over() -> None:
    usual: list[float | str | None] = [30, 31, 32, "33 ", " 34.5"] * 12
    assert numbers([*usual, 190, None, "unknown", "nan", "inf", ""]).keys() == {"r060"}
    with pytest.raises(ConfigError, match=r"outliers\.columns=\[age\]: no record has a number there"):
        numbers(["unknown", None, "thirty"])


def test_the_number_itself_is_not_told() -> None:
    rows = answers([10] * 60).frame().collect().to_dicts()
    given_ages = [{**row, "age": str(40 + n % 5)} for n, row in enumerate(rows)]
    given_ages[7]["age"] = "912345"
    config = OutliersConfig(columns=["age"], families={"inconsistent": "off"})
    found = judge(FrameRecords.of(*given_ages), config)
    assert found.select("record_id", "detail").rows() == [
        ("r007", "age is far above the median of the 60 records, 42.0")
    ]
