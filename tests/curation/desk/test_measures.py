"""Agreement against published worked examples, and the bootstrap against what it must cover."""

from __future__ import annotations

import random

import pytest

from curation.desk.measures import alpha, alpha_of, bootstrapped, kappa, masi, masi_distance, span_f1

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units.
OBSERVERS = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}
UNITS = [
    {who: values[place] for who, values in OBSERVERS.items() if values[place] is not None}
    for place in range(12)
]


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_krippendorffs(level, published: float) -> None:
    assert alpha(UNITS, level) == pytest.approx(published, abs=0.0005)


def test_alpha_of_any_distance_agrees_with_the_library() -> None:
    assert alpha_of(UNITS, lambda a, b: float(a != b)) == pytest.approx(alpha(UNITS, "nominal"))
    assert alpha_of(UNITS, lambda a, b: (a - b) ** 2) == pytest.approx(alpha(UNITS, "interval"))


def test_alpha_of_texts_is_that_of_numbers() -> None:
    words = [{who: f"class {value}" for who, value in unit.items()} for unit in UNITS]
    assert alpha(words, "nominal") == pytest.approx(0.743, abs=0.0005)


def test_alpha_is_undefined_where_nothing_can_be_expected() -> None:
    assert alpha([{"a": "keep", "b": "keep"}] * 5, "nominal") is None
    assert alpha([{"a": "keep"}, {"b": "drop"}], "nominal") is None, "nothing was answered twice"


def test_systematic_disagreement_is_below_zero() -> None:
    assert alpha([{"a": "x", "b": "y"}, {"a": "y", "b": "x"}] * 10, "nominal") < 0


@pytest.mark.parametrize(
    ("left", "right", "similarity"),
    [
        # Passonneau 2006, section 3: J times 1, 2/3, 1/3 or 0.
        ("ab", "ab", 1),
        ("ab", "abcd", 1 / 2 * 2 / 3),
        ("abc", "ab", 2 / 3 * 2 / 3),
        ("abc", "bcd", 2 / 4 * 1 / 3),
        ("ab", "cd", 0),
        ("", "", 1),
        ("", "a", 0),
    ],
)
def test_masi_distance(left: str, right: str, similarity: float) -> None:
    assert 1 - masi_distance(frozenset(left), frozenset(right)) == pytest.approx(similarity)
    assert masi_distance(frozenset(left), frozenset(right)) == masi_distance(
        frozenset(right), frozenset(left)
    )


def test_masi_of_single_labels_is_nominal_alpha() -> None:
    sets = [{who: [value] for who, value in unit.items()} for unit in UNITS]
    assert masi(sets) == pytest.approx(0.743, abs=0.0005)


def test_masi_forgives_a_part() -> None:
    near = [{"a": ["x", "y"], "b": ["x"]}, {"a": ["z"], "b": ["z"]}, {"a": ["w"], "b": ["w"]}]
    far = [{"a": ["x", "y"], "b": ["v"]}, {"a": ["z"], "b": ["z"]}, {"a": ["w"], "b": ["w"]}]
    assert masi(near) > masi(far)


def test_kappa_of_a_textbook_table() -> None:
    # 50 grants: both yes 20, only A 5, only B 10, both no 15: p_o .7, p_e .5, kappa .4.
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    units = [{"a": left, "b": right} for left, right in pairs]
    found = kappa([*units, {"a": "yes"}, {"c": "no"}], "a", "b", draws=2000, seed=1)
    assert (found.value, found.units, found.answers) == (pytest.approx(0.4), 50, 100)
    # The large-sample interval of the same table (Fleiss, Cohen & Everitt 1969): .4 +- 1.96 x .127.
    assert (found.low, found.high) == (pytest.approx(0.151, abs=0.03), pytest.approx(0.649, abs=0.03))
    assert kappa(units, "a", "nobody", draws=100, seed=1) == (None, None, None, 0, 0)
    same = [{"a": "yes", "b": "yes"}] * 9
    assert kappa(same, "a", "b", draws=100, seed=1).value is None, "chance alone would do as well"


def test_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    chance = random.Random(5)
    left = [chance.choice("wxyz") for _ in range(300)]
    right = [one if chance.random() < 0.6 else chance.choice("wxyz") for one in left]
    found = kappa([{"a": a, "b": b} for a, b in zip(left, right, strict=True)], "a", "b", draws=200, seed=0)
    assert found.value == pytest.approx(cohen_kappa_score(left, right))
    assert found.low < found.value < found.high


def test_span_f1() -> None:
    one, two, three = (0, 4, "PERSON"), (9, 12, "EMAIL"), (9, 12, "PERSON")
    assert span_f1([{"a": {one, two}, "b": {one, two}}, {"a": set(), "b": set()}]) == 1
    assert span_f1([{"a": {one, two}, "b": {one}}]) == pytest.approx(2 / 3)
    assert span_f1([{"a": {two}, "b": {three}}]) == 0, "another label is another span"
    assert span_f1([{"a": set(), "b": set()}]) is None


def test_bootstrap_covers_the_truth() -> None:
    """Two annotators who draw the same of two labels in 8 of 10 cases: alpha of the population is .6."""
    covered = 0
    for seed in range(60):
        chance = random.Random(seed)
        units = []
        for _ in range(120):
            first = chance.choice(["keep", "drop"])
            other = "drop" if first == "keep" else "keep"
            units.append({"a": first, "b": first if chance.random() < 0.8 else other})
        found = bootstrapped(units, lambda some: alpha(some, "nominal"), draws=200, seed=1)
        assert found.low < found.value < found.high
        covered += found.low <= 0.6 <= found.high
    assert 50 <= covered <= 60  # 95 % of 60 is 57


def test_bootstrap_is_repeatable_and_says_what_it_rests_on() -> None:
    one = bootstrapped(UNITS, lambda some: alpha(some, "ordinal"), draws=300, seed=3)
    assert one == bootstrapped(UNITS, lambda some: alpha(some, "ordinal"), draws=300, seed=3)
    assert (one.units, one.answers) == (11, 40)
    assert one.low < 0.815 < one.high


def test_no_interval_from_units_that_leave_nothing_defined() -> None:
    units = [{"a": "keep", "b": "keep"}] * 40 + [{"a": "keep", "b": "drop"}]
    rare = bootstrapped(units[-1:] + units[:1], lambda some: alpha(some, "nominal"), draws=100, seed=0)
    assert rare.value is not None and rare.units == 2
    assert bootstrapped([], lambda some: alpha(some, "nominal"), draws=100, seed=0) == (
        None,
        None,
        None,
        0,
        0,
    )
