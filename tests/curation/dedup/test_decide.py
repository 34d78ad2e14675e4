from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.buckets import LARGEST
from curation.dedup.canonical import Columns
from curation.dedup.config import DedupConfig, Keys
from curation.dedup.decide import decide, near_duplicates
from curation.dedup.near import find
from curation.dedup.sketch import Sketch, sketch

METHODS = ["minhash", "exact_join"]


def config_of(method: str = "minhash", **values: Any) -> DedupConfig:
    return DedupConfig(method=method, keys=Keys.text, **values)  # type: ignore[arg-type]


@pytest.mark.shared_data
@pytest.mark.parametrize("method", METHODS)
def test_real_texts_against_brute_force(
    reference: Any, real_texts: list[str], real_pairs: dict[tuple[int, int], float], method: str
) -> None:
    config = config_of(method, operators=False)
    found = near_duplicates(real_texts, config)
    true = [pair for pair, score in real_pairs.items() if score >= 0.8]
    joined = [pair for pair in true if found.cluster[pair[0]] == found.cluster[pair[1]]]
    assert len(true) > 200
    # P(found) is 0.998 at 0.8 and more above; exactly all for the join.
    assert len(joined) >= (0.99 * len(true) if method == "minhash" else len(true))
    # Nothing is joined that verified pairs do not join.
    clusters = reference["clusters"](len(real_texts), joined)
    assert found.cluster.tolist() == clusters
    for row in found.removed.tolist():
        pair = (min(row, int(found.kept[row])), max(row, int(found.kept[row])))
        assert found.score[row] == pytest.approx(
            reference["jaccard"](real_texts[pair[0]], real_texts[pair[1]])
        )
    for row in np.flatnonzero(found.near >= 0).tolist():
        assert 0.7 <= found.near_score[row] < 0.8
        pair = (min(row, int(found.near[row])), max(row, int(found.near[row])))
        assert real_pairs[pair] == found.near_score[row]


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_order_of_the_texts_changes_nothing(method: str, data: st.DataObject) -> None:
    words = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=1, max_size=12).map(" ".join)
    texts = data.draw(st.lists(words, min_size=1, max_size=25))
    n = len(texts)
    rank = np.array(data.draw(st.permutations(range(n))))
    order = np.array(data.draw(st.permutations(range(n))))
    config = config_of(method, ngram_words=2, threshold=0.6, store_from=0.3)
    one = near_duplicates(texts, config, rank)
    two = near_duplicates([texts[i] for i in order], config, rank[order], threads=2)
    place = np.argsort(order)
    assert np.array_equal(order[two.kept[place]], one.kept)
    assert np.array_equal(two.score[place], one.score)
    assert np.array_equal(two.equal[place], one.equal)
    near = two.near[place]
    assert np.array_equal(np.where(near >= 0, order[near], -1), one.near)


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_crowded_buckets_give_the_same(reference: Any, method: str) -> None:
    rng = random.Random(2)
    frame = " ".join(f"word{k}" for k in range(60))
    texts = [reference["edited"](frame, rng.randrange(1, 5), rng) for _ in range(3 * LARGEST)]
    rank = np.array(rng.sample(range(len(texts)), len(texts)))
    order = np.array(rng.sample(range(len(texts)), len(texts)))
    one = near_duplicates(texts, config_of(method), rank)
    two = near_duplicates([texts[i] for i in order], config_of(method), rank[order])
    place = np.argsort(order)
    assert 0 < len(one.removed) < len(texts)
    assert np.array_equal(order[two.kept[place]], one.kept)
    near = two.near[place]
    assert np.array_equal(np.where(near >= 0, order[near], -1), one.near)


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_crowded_buckets_lose_no_pair(reference: Any, slots: int) -> None:
    """Texts of one template: with 1 slot all pairs are above the threshold, with 5 hardly any."""
    rng = random.Random(slots)
    frame = " ".join(f"word{k}" for k in range(70))
    texts = [reference["edited"](frame, slots, rng) for _ in range(2 * LARGEST)]
    found, exact = near_duplicates(texts, config_of()), near_duplicates(texts, config_of("exact_join"))
    assert np.array_equal(found.cluster, exact.cluster)


@pytest.mark.parametrize("method", METHODS)
def test_chaining_names_the_link(method: str) -> None:
    words = [f"w{k}" for k in range(100)]
    texts = [" ".join(words[a : a + 80]) for a in (0, 8, 16)]
    found = near_duplicates(texts, config_of(method))
    # 76 shingles each; neighbours share 68 of 84, the ends 60 of 92.
    assert found.kept.tolist() == [0, 0, 0]
    assert found.score.tolist() == [1.0, 68 / 84, 60 / 92]
    assert found.link.tolist() == [-1, -1, 1]
    assert found.link_score[2] == 68 / 84


@pytest.mark.parametrize("method", METHODS)
def test_short_empty_and_equal_texts(method: str) -> None:
    texts = [
        "Yes.",
        "yes",
        "no",
        "",
        "",
        "!!!",
        "one two three four",
        "One two, three four!",
        "one two three",
    ]
    found = near_duplicates(texts, config_of(method))
    assert found.kept.tolist() == [0, 0, 2, 3, 4, 5, 6, 6, 8]
    assert found.equal.tolist() == [False, True, False, False, False, False, False, True, False]
    assert len(near_duplicates([], config_of(method)).kept) == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "text",
    [
        "机器学习是人工智能的一个分支它使用算法和统计模型来执行特定任务而不使用明确的指令依靠模式和推理",
        "การเรียนรู้ของเครื่องเป็นสาขาหนึ่งของปัญญาประดิษฐ์ที่ใช้ขั้นตอนวิธีและแบบจำลองทางสถิติ",
        "きかいがくしゅうはじんこうちのうのひとつのぶんやでありアルゴリズムととうけいモデルをつかう",
    ],
)
def test_scripts_without_spaces(method: str, text: str) -> None:
    other = "完全不同的另一段文字讲的是今天的天气和明天要去公园散步的计划还有晚饭吃什么的问题"
    found = near_duplicates([text, text[:-1] + "。", other, text + "!"], config_of(method))
    assert found.kept.tolist() == [0, 0, 2, 0]
    assert 0.9 < found.score[1] < 1.0
    assert found.equal.tolist() == [False, False, False, True]


@pytest.mark.parametrize("method", METHODS)
def test_prompt_and_answer_must_both_be_near(method: str) -> None:
    prompt = "Summarise the following report for a busy reader in two sentences please and be brief"
    answers = [
        "Sales rose in the north and fell in the south during the third quarter of the year",
        "Sales rose in the north and fell in the south during the third quarter of the year now",
        "The parser now accepts nested lists and reports the line of the first error it meets",
    ]
    config = DedupConfig(method=method)  # type: ignore[arg-type]
    found = near_duplicates(([prompt] * 3, answers), config)
    assert found.kept.tolist() == [0, 0, 2]
    assert found.score[1] == 13 / 14
    assert near_duplicates([prompt] * 3, config).kept.tolist() == [0, 0, 0]
    # An empty field equals an empty field, and nothing else.
    assert near_duplicates((answers, ["", "", ""]), config).kept.tolist() == [0, 0, 2]
    assert near_duplicates((answers[:1] * 2, ["", "yes"]), config).kept.tolist() == [0, 1]


def test_the_border_shows_the_nearest_better_record() -> None:
    words = [f"w{k}" for k in range(60)]
    texts = [
        " ".join(words),
        " ".join(words[6:] + ["a"] * 2),
        "unrelated words that are near to nothing here",
    ]
    for method in METHODS:
        found = near_duplicates(texts, config_of(method, threshold=0.9))
        assert found.near.tolist() == [-1, 0, -1]
        assert found.near_score[1] == 50 / (56 + 52 - 50)
        assert (near_duplicates(texts, config_of(method, threshold=0.9, store_from=0.95)).near == -1).all()


def test_settled_texts_stay_and_are_not_compared_again(reference: Any) -> None:
    rng = random.Random(4)
    base = [" ".join(rng.choices("abcdefghijklmnopqrst", k=120)) for _ in range(50)]
    old = [*base[:40], reference["edited"](base[0], 1, rng)]  # the last is near the first: kept when it came
    new = [reference["edited"](base[0], 1, rng), reference["edited"](base[7], 1, rng), *base[40:]]
    columns, config = Columns.of(old + new), config_of()
    parts = [sketch(Columns.of(part).chunks(), config) for part in (old, new)]
    found = find(columns, Sketch.joined(parts, 21), config, settled=len(old))
    # Rank would prefer the newest: settled texts stay all the same.
    made = decide(found, np.arange(len(columns))[::-1].copy(), config, settled=len(old))
    assert made.kept[: len(old)].tolist() == list(range(len(old)))
    assert (found.pairs.right >= len(old)).all()
    assert made.kept[len(old)] in (0, 40)
    assert made.kept[len(old) + 1] == 7


def test_20_000_equal_texts_take_no_quadratic_time(record_property: Any) -> None:
    texts = pl.Series(["the same words again and again in this text of ours"] * 20_000)
    near_duplicates(texts[:10], config_of())
    started = time.process_time()
    found = near_duplicates(texts, config_of())
    record_property("cpu_seconds", round(time.process_time() - started, 3))
    assert len(found.removed) == 19_999
    assert found.compared == 0
