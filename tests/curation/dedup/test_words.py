from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.alphabet import ALONE, NEWLINE, OPERATOR, SEPARATOR, SKIPPED, WORD, kind_of, table
from curation.dedup.canonical import Columns
from curation.dedup.config import DedupConfig, Keys
from curation.dedup.shingle_sets import shingle_sets
from curation.dedup.sketch import sketch_chunk


def hashes(text: str, operators: bool = True) -> tuple[int, int, int]:
    """The hash of the canonical text and its number of words."""
    made = sketch_chunk((pl.Series([text]),), DedupConfig(operators=operators, keys=Keys.text))
    return int(made.whole[0, 0]), int(made.whole[0, 1]), int(made.words[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, World!", "hello world"),
        ("  spaced\t out\n", "spaced out"),
        ("Straße ÄÖÜ ÉCOLE", "straße äöü école"),
        ("ΑΘΗΝΑ ПРИВЕТ МИР", "αθηνα привет мир"),
        ("ｆｕｌｌ　ｗｉｄｔｈ １２", "full width 12"),
        ("cafe\u0301 ﬁne", "café fine"),
        ("“quoted” — text…", '"quoted" - text...'),
        ("soft\u00adhyphen zero\u200dwidth", "softhyphen zerowidth"),
        ("İstanbul", "i̇stanbul"),
        ("don’t stop", "don't stop"),
        ("机器，学习。", "机器学习"),
        ("**bold** and - item\n* another", "bold and item another"),
        ("and/or well-known R & D 50% a, b", "and or well known r d 50 a b"),
        ("<b>Hi</b> there", "b hi b there"),
        ("a\n= b", "a b"),
    ],
)
def test_equal_canonical_texts(one: str, other: str) -> None:
    assert hashes(one) == hashes(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return a + b", "return a * b"),
        ("if x <= y: go", "if x == y: go"),
        ("a+b", "a b"),
        ("x != y", "x y"),
        ("p->x", "p x"),
        ("6 / 2", "6 2"),
        ("snake_case", "snake case"),
        ("ab c", "a bc"),
        ("naïve", "naive"),
        ("a b", "b a"),
        ("机器学习", "机器 学校"),
    ],
)
def test_different_canonical_texts(one: str, other: str) -> None:
    assert hashes(one) != hashes(other)


def test_operators_count_only_where_they_are_wanted() -> None:
    assert hashes("a + b", operators=True)[2] == 3
    assert hashes("a + b", operators=False) == hashes("a b", operators=False)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("?! ... — 🎉", 0),
        ("one", 1),
        ("天気がいい", 5),
        ("สวัสดี", 6),
        ("机器 learning 模型", 5),
        ("한국어 문장", 2),
        ("हिन्दी वाक्य", 2),
        ("𠀀𠀁", 2),
        ("x = y + 1", 5),
        ("====", 0),
    ],
)
def test_number_of_words(text: str, count: int) -> None:
    assert hashes(text)[2] == count


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("a", WORD),
        ("_", WORD),
        ("é", WORD),
        ("が", ALONE),
        ("ไ", ALONE),
        ("한", WORD),
        (" ", SEPARATOR),
        ("、", SEPARATOR),
        ("\u200b", SKIPPED),
        ("\n", NEWLINE),
        ("+", OPERATOR),
    ],
)
def test_kinds(character: str, kind: int) -> None:
    assert kind_of(character) == kind
    assert int(table()[ord(character)]) >> 24 == kind


SMALL = st.text(alphabet="ab é\u0301ÀßΣσ.,_\u00ad\n‘🎉12Ⅷ½", max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.lists(SMALL, min_size=2, max_size=6), st.integers(1, 4))
def test_similarity_equals_that_of_plain_python(reference: Any, texts: list[str], ngram: int) -> None:
    config = DedupConfig(ngram_words=ngram, keys=Keys.text)
    n = len(texts)
    left, right = np.triu_indices(n, 1)
    sets = shingle_sets(Columns.of(texts), np.ones(n, np.bool_), config)
    scores = sets.scores(left, right)
    for a, b, score in zip(left.tolist(), right.tolist(), scores.tolist(), strict=True):
        if reference["words"](texts[a]) or reference["words"](texts[b]):
            assert score == reference["jaccard"](texts[a], texts[b], ngram)
