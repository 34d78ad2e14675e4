"""Intervals, p-values and conclusions: right on known cases, honest on noise, the same for the same seed."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from data.errors import UserError
from eval.bootstrap import draws, interval, resample
from eval.compare import Comparison, Conclusion, compare, holm, mcnemar
from eval.config import BootstrapConfig
from eval.metrics import measure
from eval.overlap import streams
from eval.tally import Tally, mean_tally

CONFIG = BootstrapConfig(resamples=1000, seed=3)


def tally(values: list[float] | np.ndarray, name: str = "token_f1", signature: str = "s") -> Tally:
    return mean_tally(name, list(values), signature)


def one(first: Tally, second: Tally, config: BootstrapConfig = CONFIG, **options: Any) -> Comparison:
    return compare({first.metric: first}, {second.metric: second}, config, **options)[first.metric]


def test_a_clear_gain_is_better_and_a_loss_of_the_same_size_worse() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 200)
    low, high = 0.4 + noise, 0.5 + noise + np.random.default_rng(1).normal(0, 0.1, 200)
    up, down = one(tally(low), tally(high)), one(tally(high), tally(low))
    assert up.conclusion is Conclusion.better and down.conclusion is Conclusion.worse
    assert up.low > 0 and up.low < up.difference < up.high
    assert (up.difference, up.low, up.high) == pytest.approx((-down.difference, -down.high, -down.low))
    assert up.p == pytest.approx(2 / 1001)  # no resample on the other side: the smallest p there is
    assert up.n_needed is None and up.words() == "better"


def test_lower_is_better_turns_the_conclusion_round() -> None:
    low, high = tally(np.full(50, 0.2) + np.arange(50) / 500), tally(np.full(50, 0.6) + np.arange(50) / 400)
    assert one(low, high, lower_is_better=["token_f1"]).conclusion is Conclusion.worse
    assert one(high, low, lower_is_better=["token_f1"]).conclusion is Conclusion.better


def test_pairing_sees_what_two_separate_intervals_cannot() -> None:
    hardness = np.random.default_rng(5).uniform(0, 1, 80)
    first, second = tally(hardness * 0.90), tally(hardness * 0.95)
    scores = resample({"0": first, "1": second}, CONFIG)
    apart = [interval(scores[key], 0.95) for key in "01"]
    assert apart[0].high > apart[1].low  # the intervals overlap
    assert one(first, second).conclusion is Conclusion.better


def test_an_open_conclusion_says_how_many_more_items_it_needs() -> None:
    generator = np.random.default_rng(8)
    first = generator.normal(0.5, 0.2, 100)
    second = first + generator.normal(0.01, 0.1, 100)
    found = one(tally(first), tally(second))
    assert found.conclusion is Conclusion.unclear
    assert found.n_needed is not None and found.n_needed > 100
    assert found.more_items == found.n_needed - 100
    assert f"about {found.more_items:,} more items needed" in found.words()
    # z(.975) + z(.8) = 2.80: the size for 80 % power, from the spread of the differences.
    spread = (second - first).std(ddof=1)
    expected = (2.80158 * spread / (second - first).mean()) ** 2
    assert found.n_needed == pytest.approx(expected, rel=0.15)
    assert found.detectable == pytest.approx(2.80158 * spread / 10, rel=0.1)


def test_more_claims_need_more_items() -> None:
    generator = np.random.default_rng(8)
    first = generator.normal(0.5, 0.2, 100)
    second = first + generator.normal(0.01, 0.1, 100)
    names = ("rouge_1", "rouge_2", "rouge_l")
    alone = one(tally(first), tally(second))
    many = compare({n: tally(first, n) for n in names}, {n: tally(second, n) for n in names}, CONFIG)
    assert alone.n_needed is not None and many["rouge_1"].n_needed is not None
    # z(1 - .05 / 6) + z(.8) = 3.24 against 2.80
    assert many["rouge_1"].n_needed / alone.n_needed == pytest.approx((3.2356 / 2.8016) ** 2, rel=0.01)


def test_equal_answers_differ_by_nothing() -> None:
    found = one(tally([0.3] * 20), tally([0.3] * 20))
    assert (found.difference, found.p, found.conclusion, found.n_needed) == (0, 1.0, Conclusion.unclear, None)


def test_nine_items_are_too_few_for_any_conclusion() -> None:
    found = one(tally([0.0] * 9), tally([1.0] * 9))
    assert found.conclusion is Conclusion.too_few and found.n_needed == 10


def test_noise_is_called_a_difference_as_often_as_the_level_allows() -> None:
    generator = np.random.default_rng(11)
    config = BootstrapConfig(resamples=400, seed=1)
    calls = 0
    for _ in range(300):
        first = generator.normal(0, 1, 60)
        calls += one(tally(first), tally(first + generator.normal(0, 1, 60)), config).p < 0.05
    # 5 % of 300 is 15; a right test stays below 31 but for one time in ten thousand. Percentile intervals are a
    # little narrow at 60 items, which the bound leaves room for.
    assert 3 <= calls <= 31


def test_other_settings_are_refused() -> None:
    with pytest.raises(UserError, match="different settings") as raised:
        one(tally([0.1] * 12, signature="bleu|tok:13a"), tally([0.2] * 12, signature="bleu|tok:zh"))
    assert any("bleu|tok:zh" in hint for hint in raised.value.hints)
    with pytest.raises(UserError, match="12 items cannot be compared with that of 13"):
        one(tally([0.1] * 12), tally([0.2] * 13))


def test_bleu_with_another_number_of_references_is_another_bleu() -> None:
    texts = ["a b c d e"] * 12
    once = measure(["bleu"], texts, [["a b c d f"]] * 12)
    twice = measure(["bleu"], texts, [["a b c d f", "a b c d e"]] * 12)
    with pytest.raises(UserError, match="two bleu scores with different settings"):
        compare(once, twice, CONFIG)


def test_resampling_statistics_is_resampling_texts() -> None:
    generator = np.random.default_rng(2)
    words = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "rug", "big", "small"]
    predictions = [" ".join(generator.choice(words, 8)) for _ in range(30)]
    references = [[" ".join(generator.choice(words, 8))] for _ in range(30)]
    found = measure(["bleu"], predictions, references)["bleu"]
    config = BootstrapConfig(resamples=200, seed=9)
    scores = resample({"bleu": found}, config)["bleu"]
    first = next(iter(draws(30, config)))[:5]
    for row, score in zip(first, scores[:5], strict=True):
        chosen = [n for n, times in enumerate(row) for _ in range(times)]
        assert len(chosen) == 30
        again = BLEU(force=True).corpus_score(
            [predictions[n] for n in chosen], streams([references[n] for n in chosen])
        )
        assert score == pytest.approx(again.score, rel=1e-9)


def test_the_seed_decides_the_draws() -> None:
    values = {"x": tally(list(np.random.default_rng(0).normal(size=40)))}
    again = [resample(values, BootstrapConfig(resamples=300, seed=seed))["x"] for seed in (1, 1, 2)]
    assert np.array_equal(again[0], again[1]) and not np.array_equal(again[0], again[2])
    assert again[0].shape == (300,)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=9))
def test_holm_only_raises_p_and_keeps_its_order(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= a <= 1 for p, a in zip(ps, adjusted, strict=True))
    assert min(adjusted) == pytest.approx(min(1.0, len(ps) * min(ps)))
    order = sorted(range(len(ps)), key=lambda n: ps[n])
    assert [adjusted[n] for n in order] == sorted(adjusted)


def test_holm_on_a_known_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(("gained", "lost"), [(8, 1), (3, 3), (0, 5), (0, 0), (20, 7)])
def test_mcnemar_is_the_binomial_sum(gained: int, lost: int) -> None:
    first = np.array([False] * gained + [True] * lost + [True] * 10)
    second = np.array([True] * gained + [False] * lost + [True] * 10)
    n = gained + lost
    tail = sum(comb(n, k) for k in range(min(gained, lost) + 1)) / 2**n
    assert mcnemar(first, second) == pytest.approx(min(1.0, 2 * tail))


def test_right_or_wrong_takes_its_p_from_mcnemar() -> None:
    first, second = (
        tally([0.0] * 12 + [1.0] * 8, "exact_match"),
        tally([1.0] * 11 + [0.0] + [1.0] * 8, "exact_match"),
    )
    found = one(first, second)
    assert found.method == "McNemar exact" and found.p == pytest.approx(2 / 2**11)
