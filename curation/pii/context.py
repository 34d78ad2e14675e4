"""Presidio's rule that a context word before a finding raises its score, with lemmas only where they matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from curation.pii.engine import LANGUAGE

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult

CONTEXT_TOKENS = (
    64  # Presidio looks at the finding's first token and the five words before it that are no stop words
)
MARGIN_TOKENS = 8  # the tagger sees four tokens to each side


class ContextScores:
    """What Presidio's LemmaContextAwareEnhancer makes of findings; it would make lemmas of the whole text."""

    def __init__(self, analyzer: Any, nlp: Any, recognisers: Sequence[Any]) -> None:
        self._engine = analyzer.nlp_engine
        self._enhancer = analyzer.context_aware_enhancer
        self._nlp = nlp
        self._recognisers = list(recognisers)
        self._stems = {r.id: stems(r.context) for r in recognisers}
        # Pipes that make lemmas. The parser is not one of them.
        wanted = ("tok2vec", "tagger", "attribute_ruler", "lemmatizer")
        self._pipes = [name for name in wanted if name in self._nlp.pipe_names]

    def raised(
        self, texts: Sequence[str], docs: Sequence[Any], raw: Sequence[list[RecognizerResult]]
    ) -> list[list[RecognizerResult]]:
        """`raw`, the findings of each tokenised text, with the scores that they end up with."""
        results = list(raw)
        places = []
        for i, own in enumerate(raw):
            near = [self._nearby(texts[i], docs[i], r) for r in own] if own else []
            spans = [span for span in near if span is not None]
            if spans:
                results[i] = [r for r, span in zip(own, near, strict=True) if span is None]
                could = [r for r, span in zip(own, near, strict=True) if span is not None]
                places.append((i, could, docs[i][min(a for a, _ in spans) : max(b for _, b in spans)]))
        with self._nlp.select_pipes(enable=self._pipes):
            parts = list(self._nlp.pipe(tokens.as_doc() for _, _, tokens in places))
        for (i, could, tokens), part in zip(places, parts, strict=True):
            results[i] = results[i] + self._enhanced(texts[i], could, tokens, part)
        return results

    def _enhanced(self, text: str, results: list[Any], tokens: Any, part: Any) -> list[RecognizerResult]:
        from presidio_analyzer.nlp_engine import NlpArtifacts

        artifacts = NlpArtifacts(
            entities=[],
            tokens=part,
            tokens_indices=[token.idx for token in tokens],
            lemmas=[token.lemma_ for token in part],
            nlp_engine=self._engine,
            language=LANGUAGE,
        )
        raised: list[RecognizerResult] = self._enhancer.enhance_using_context(
            text=text, raw_results=results, nlp_artifacts=artifacts, recognizers=self._recognisers
        )
        return raised

    def _nearby(self, text: str, doc: Any, result: RecognizerResult) -> tuple[int, int] | None:
        """The tokens whose lemmas count for this finding; None where they cannot hold a context word."""
        words = self._stems[result.recognition_metadata[result.RECOGNIZER_IDENTIFIER_KEY]]
        if not words:
            return None
        from spacy.attrs import IDX

        starts = doc.to_array([IDX]).reshape(-1)
        token = int(starts.searchsorted(result.start, side="right")) - 1
        first = max(0, token - CONTEXT_TOKENS)
        end = int(starts[token]) + len(doc[token])
        window = text[int(starts[first]) : end].lower()
        if not any(word in window for word in words):
            return None
        return max(0, first - MARGIN_TOKENS), min(len(doc), token + 1 + MARGIN_TOKENS)


def stems(context: Sequence[str] | None) -> tuple[str, ...]:
    """Context words as they must occur in a text for one of its lemmas to hold them ("sav" in "saving")."""
    return tuple(word.lower().rstrip("ey").strip() for word in context or ())
