"""spaCy's models, read: sentence starts, entities and lemmas are those of the pipeline itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from curation.pii.encoder import Encoder, table_of
from curation.pii.engine import load_model
from curation.pii.kernels import BEGIN, OUT, UNIT, unsettled
from curation.pii.lemmas import Lemmas
from curation.pii.ner import BatchedNer
from curation.pii.sentences import SentenceStarts

TEXTS = [
    "Jane Roe met Tom\nBlack in New\nYork City. They spoke of Acme Ltd. Then she left! Why?",
    "From: Jane Roe\nTo: Tom Black\n\nDear Tom,\n\nthe 3 files (see below) were sent on Monday -- twice.\n\n--\nJane",
    '<td width="600">Mr. John Smith<br>Sales Manager</td> http://www.acme.org/a?b=c:d\n',
    "He was saving, they licensed it; we've bought mice, and the better children's left shoes got lost.",
    "",
    " \n ",
    "x",
]


@pytest.fixture(scope="module")
def nlp() -> Any:
    return load_model("en_core_web_sm")


@pytest.mark.parametrize("until", [0, 7, 10_000])
def test_sentences_start_where_the_parser_says(nlp: Any, until: int) -> None:
    encoder, sentences = (
        Encoder(nlp.get_pipe("tok2vec").model, nlp.vocab),
        SentenceStarts(nlp.get_pipe("parser")),
    )
    for doc in nlp.pipe(TEXTS):
        own = sentences.of(encoder.vectors(table_of([doc]), np.array([len(doc)])), until)
        assert own is not None
        expected = [bool(token.is_sent_start) for token in doc]
        assert own[: until + 1].tolist() == expected[: until + 1]


def test_the_first_tokens_may_not_be_enough(nlp: Any) -> None:
    encoder, sentences = (
        Encoder(nlp.get_pipe("tok2vec").model, nlp.vocab),
        SentenceStarts(nlp.get_pipe("parser")),
    )
    doc = nlp.make_doc(TEXTS[0])
    vectors = encoder.vectors(table_of([doc]), np.array([len(doc)]))
    assert sentences.of(vectors[:6], 4, whole=False) is None


def test_vectors_are_those_of_the_model_whatever_was_read_before(nlp: Any) -> None:
    model = nlp.get_pipe("ner").model.get_ref("tok2vec").layers[0]
    encoder = Encoder(model, nlp.vocab)
    docs = [nlp.make_doc(text) for text in TEXTS]
    lengths = np.array([len(doc) for doc in docs])
    for _ in range(2):  # lexemes are computed, then known
        assert np.allclose(
            encoder.vectors(table_of(docs), lengths), np.vstack(model.predict(docs)), atol=1e-4
        )
    encoder._make_room(len(table_of(docs)))  # too few for all that comes: what was known is forgotten
    for doc in docs:
        expected = model.predict([doc])[0]
        assert np.allclose(encoder.vectors(table_of([doc]), np.array([len(doc)])), expected, atol=1e-4)


def test_entities_of_some_labels(nlp: Any) -> None:
    docs = [nlp.make_doc(text) for text in TEXTS]
    for labels in (["PERSON"], ["ORG", "GPE"]):
        expected = [
            [(e.label_, e.start, e.end) for e in doc.ents if e.label_ in labels] for doc in nlp.pipe(TEXTS)
        ]
        assert any(expected)
        assert BatchedNer(nlp, labels).spans(docs) == expected


def test_where_a_sentence_decides_on_an_entity() -> None:
    """Actions: 0 out, 1 a unit that is wanted, 2 a longer entity that is wanted, 3 one that is not."""
    kinds = np.array([OUT, UNIT, BEGIN, BEGIN], dtype=np.uint8)
    wanted = np.array([False, True, True, False])

    def until(*chosen: int, stops: dict[int, int], second: int = 0) -> int:
        arrays = np.array(chosen), np.full(len(chosen), second), np.zeros(len(chosen), dtype=np.int64)
        for at, stop in stops.items():
            arrays[2][at] = stop
        return int(unsettled(*arrays, kinds, wanted, 0, len(chosen)))

    assert until(0, 1, 0, stops={}) == -1  # one token: no sentence can cut it
    assert until(0, 2, 0, 0, stops={1: 3}) == 2
    assert until(0, 3, 0, 0, stops={1: 3}) == -1
    assert until(3, 0, 1, 0, stops={0: 3}) == 2  # cut before token 2, that one is wanted
    assert until(3, 0, 0, stops={0: 2}, second=1) == 1  # cut before token 1, the first one is
    assert until(3, 3, 1, 1, stops={0: 2, 1: 4}) == 3  # cut before token 1, what begins there hides token 2


def test_every_lemma_is_possible(nlp: Any) -> None:
    lemmas = Lemmas(nlp)
    assert all(token.lemma_ in lemmas.of(token.text) for doc in nlp.pipe(TEXTS) for token in doc)
    assert lemmas.of("saving") == {"saving", "save", "sav"}


def test_lemmas_that_hold_what_the_word_does_not() -> None:
    lemmas = Lemmas(load_model("en_core_web_sm"))
    assert lemmas.hidden("us")  # alumni: alumnus
    assert not lemmas.hidden("licence")
    assert not lemmas.hidden("security")  # securities
