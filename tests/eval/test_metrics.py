"""The numbers are those of the libraries that define them, also with unequal numbers of references."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from eval.metrics import METRICS, measure
from eval.overlap import bleu_of_sums, chrf_of_sums, streams

PREDICTIONS = [
    "The cat sat on the mat.",
    "Fresh bread, every morning at the harbour!",
    "",
    "Ça coûte 3,50 € – trois fois rien.",
    "one two three",
    "the the the the the the the",
]
REFERENCES = [
    ["The cat is sitting on the mat.", "A cat sat on a mat."],
    ["Fresh bread every morning at the harbour."],
    ["Nothing was said.", "Silence."],
    ["Cela coûte 3,50 €, trois fois rien."],
    ["one two three", "one, two, three and four", "three two one"],
    ["The dog chased the ball."],
]
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL", "rouge_lsum": "rougeLsum"}


def assert_equals_the_libraries(predictions: list[str], references: list[list[str]]) -> None:
    found = measure(list(METRICS), predictions, references)
    assert found["bleu"].value == sacrebleu.corpus_bleu(predictions, streams(references)).score
    assert found["chrf"].value == sacrebleu.corpus_chrf(predictions, streams(references)).score
    scorer = RougeScorer(list(ROUGE.values()), use_stemmer=False)
    rows = [scorer.score_multi(refs, text) for text, refs in zip(predictions, references, strict=True)]
    for ours, theirs in ROUGE.items():
        assert found[ours].value == pytest.approx(np.mean([row[theirs].fmeasure for row in rows]), abs=1e-12)
        assert list(found[ours].items) == [row[theirs].fmeasure for row in rows]
    # The scores that resamples are given are the same function of the sums.
    for name in found:
        total = found[name].score(found[name].statistics.sum(axis=0))
        assert float(total) == pytest.approx(found[name].value, rel=1e-12)


def test_equal_to_sacrebleu_and_rouge_score() -> None:
    assert_equals_the_libraries(PREDICTIONS, REFERENCES)
    assert_equals_the_libraries(PREDICTIONS[:1], [REFERENCES[0][:1]])
    # One n-gram too short for BLEU's order 4, and nothing matched at all.
    assert_equals_the_libraries(["one two three"], [["one two three"]])
    assert_equals_the_libraries(["xyz"], [["one two three four"]])


@pytest.mark.shared_data
def test_equal_on_a_public_set_with_many_references(shared_data: Path) -> None:
    by_meaning: dict[str, list[str]] = {}
    with (shared_data / "metric_e2e_dev" / "devset.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            by_meaning.setdefault(row["mr"], []).append(row["ref"])
    groups = [refs for refs in by_meaning.values() if len(refs) > 2][:200]
    assert len(groups) == 200 and len({len(refs) for refs in groups}) > 5
    assert_equals_the_libraries([refs[0] for refs in groups], [refs[1:] for refs in groups])


def test_signatures_name_the_settings() -> None:
    found = measure(["bleu", "chrf", "rouge_l", "exact_match"], PREDICTIONS, REFERENCES)
    version = sacrebleu.__version__
    assert found["bleu"].signature == f"bleu|nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}"
    assert (
        found["chrf"].signature == f"chrf|nrefs:var|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"
    )
    assert found["rouge_l"].signature == "rouge_l|refs:best|measure:f1|stem:no|rouge-score:0.1.2"
    single = measure(["bleu"], PREDICTIONS, [refs[:1] for refs in REFERENCES])
    assert "nrefs:1|" in single["bleu"].signature


counts = st.integers(min_value=0, max_value=400)


@settings(max_examples=300, deadline=None)
@given(st.lists(counts, min_size=4, max_size=4), st.lists(counts, min_size=4, max_size=4), counts, counts)
def test_bleu_of_any_sums_is_sacrebleus(matched: list[int], rest: list[int], length: int, of: int) -> None:
    totals = [m + r for m, r in zip(matched, rest, strict=True)]
    sums = [length, of, *matched, *totals]
    expected = BLEU(force=True)._compute_score_from_stats(list(sums)).score
    assert float(bleu_of_sums(np.array(sums, dtype=float))) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(counts, counts, counts), min_size=6, max_size=6))
def test_chrf_of_any_sums_is_sacrebleus(orders: list[tuple[int, int, int]]) -> None:
    # An answer's and a reference's count are each at least what matched.
    sums = [
        number for answer, reference, both in orders for number in (answer + both, reference + both, both)
    ]
    expected = CHRF()._compute_f_score(sums)
    assert float(chrf_of_sums(np.array(sums, dtype=float))) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_exact_match_and_token_f1_look_at_normalised_text() -> None:
    predictions = ["The  Harbour!", "a park", "blue green", ""]
    references = [["harbour"], ["the park,", "garden"], ["green red"], ["something"]]
    found = measure(["exact_match", "token_f1"], predictions, references)
    assert list(found["exact_match"].items) == [1.0, 1.0, 0.0, 0.0]
    assert list(found["token_f1"].items) == [1.0, 1.0, 0.5, 0.0]
    assert found["exact_match"].value == 0.5
