"""Presidio's rule that a context word beside a finding raises its score, without lemmas where they do not matter.

`LemmaContextAwareEnhancer` makes lemmas of the whole text. From the finding's first token it goes back until it has
seen six keywords, which are lemmas that are neither stop words nor punctuation, and forth until it has seen one. A
word's possible lemmas (`lemmas`) nearly always agree on whether it is a keyword and whether it holds a context word.
Where they do not, the text goes through spaCy and Presidio as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.pii.engine import LANGUAGE
from curation.pii.lemmas import Lemmas

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult

NO_KEYWORDS = ("-PRON-", "be")  # besides stop words and punctuation
KEPT_WORDS = 100_000
MAX_SCORE = 1.0


class Word(NamedTuple):
    """A word by its possible lemmas, in lower case: those that are keywords, and those that are none."""

    keywords: tuple[str, ...]
    others: tuple[str, ...]


class ContextScores:
    """The scores that findings of a text end up with."""

    def __init__(self, analyzer: Any, nlp: Any, recognisers: Sequence[Any]) -> None:
        from presidio_analyzer import EntityRecognizer
        from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

        self._analyzer, self._nlp = analyzer, nlp
        self._recognisers = list(recognisers)
        enhancer = analyzer.context_aware_enhancer
        self._factor, self._least = (
            enhancer.context_similarity_factor,
            enhancer.min_score_with_context_similarity,
        )
        # It looks at one more to either side, since the finding's own token counts on both, where it is a keyword.
        self._before: int = enhancer.context_prefix_count + 1
        self._after: int = enhancer.context_suffix_count + 1
        self._words = {r.id: tuple(word.lower() for word in r.context or ()) for r in recognisers}
        usual = (
            type(enhancer) is LemmaContextAwareEnhancer
            and enhancer.context_matching_mode == "substring"
            and all(
                type(r).enhance_using_context is EntityRecognizer.enhance_using_context for r in recognisers
            )
        )
        self._lemmas = _possible_lemmas(nlp) if usual else None
        self._word = lru_cache(KEPT_WORDS)(self._read)

    def needed(self, context: Sequence[str] | None) -> tuple[str, ...]:
        """Strings of which a text in lower case holds one wherever a lemma holds a context word; empty: not known."""
        words = [word.lower() for word in context or ()]
        if self._lemmas is None or any(map(self._lemmas.hidden, words)):
            return ()
        return tuple(word.rstrip("ey").strip() for word in words)

    def raised(
        self, texts: Sequence[str], docs: Sequence[Any], raw: Sequence[list[RecognizerResult]]
    ) -> list[list[RecognizerResult]]:
        """`raw`, the findings of each tokenised text, with the scores that they end up with."""
        return [
            self._raised(text, doc, own) if own else own
            for text, doc, own in zip(texts, docs, raw, strict=True)
        ]

    def _raised(self, text: str, doc: Any, results: list[RecognizerResult]) -> list[RecognizerResult]:
        if self._lemmas is not None:
            reader = _Reader(text, doc, self._lemmas)
            said = [self._supported(reader, result) for result in results]
            if None not in said:
                for result, supported in zip(results, said, strict=True):
                    if supported:
                        result.score = min(max(result.score + self._factor, self._least), MAX_SCORE)
                return results
        artifacts = self._analyzer.nlp_engine.process_text(text, LANGUAGE)
        raised: list[RecognizerResult] = self._analyzer._enhance_using_context(
            text, results, artifacts, self._recognisers
        )
        return raised

    def _supported(self, reader: _Reader, result: RecognizerResult) -> bool | None:
        """Whether a context word stands beside the finding; None where the tagger would have to say."""
        words = self._words[result.recognition_metadata[result.RECOGNIZER_IDENTIFIER_KEY]]
        if not words or result.score >= MAX_SCORE:
            return False
        at = reader.token(result.start)
        sides = (
            self._holds(reader, range(at, -1, -1), self._before, words),
            self._holds(reader, range(at, len(reader.doc)), self._after, words),
        )
        return True if True in sides else None if None in sides else False

    def _holds(self, reader: _Reader, places: range, keywords: int, words: Sequence[str]) -> bool | None:
        """Whether one of the first `keywords` keywords at these places holds one of `words`."""
        fewest = most = 0  # keywords so far
        possible = False
        for at in places:
            word = self._word(reader.doc[at].text)
            surely = not word.others
            lemmas = word.keywords if surely else (*word.keywords, *reader.parts.intersection(word.others))
            holding = [lemma for lemma in lemmas if any(part in lemma for part in words)]
            if surely and most < keywords and len(holding) == len(lemmas):
                return True
            possible = possible or bool(holding)
            fewest += surely
            most += bool(lemmas)
            if fewest == keywords:
                break
        return None if possible else False

    def _read(self, text: str) -> Word:
        assert self._lemmas is not None
        keywords: set[str] = set()
        others: set[str] = set()
        for lemma in self._lemmas.of(text):
            lexeme = self._nlp.vocab[lemma]
            none = lexeme.is_stop or lexeme.is_punct or lemma in NO_KEYWORDS or ":" in lemma
            (others if none else keywords).add(lemma.lower())
        return Word(tuple(keywords), tuple(others - keywords))


class _Reader:
    """A text and its tokens, by place."""

    def __init__(self, text: str, doc: Any, lemmas: Lemmas) -> None:
        from spacy.attrs import IDX, LENGTH

        self._text, self.doc, self._lemmas = text, doc, lemmas
        places = doc.to_array([IDX, LENGTH]).reshape(-1, 2).astype(int)
        self._ends = places.sum(axis=1)

    def token(self, place: int) -> int:
        """The first token that ends behind a place."""
        return min(int(self._ends.searchsorted(place, side="right")), len(self.doc) - 1)

    @cached_property
    def parts(self) -> frozenset[str]:
        """What Presidio takes for keywords too, wherever it stands: the parts of a lemma with colons inside."""
        tokens = {self.token(colon.start()) for colon in re.finditer(":", self._text)}
        words = [self.doc[at].text for at in tokens if len(self.doc[at]) > 1]
        lemmas = {lemma for word in words for lemma in self._lemmas.of(word)}
        return frozenset(part for lemma in lemmas for part in lemma.lower().split(":"))


def _possible_lemmas(nlp: Any) -> Lemmas | None:
    try:
        return Lemmas(nlp)
    except (AttributeError, KeyError, ValueError):
        return None
