"""The same findings as `AnalyzerEngine.analyze`, text by text, for less work.

1. Named entities are read over batches, and sentences only where they decide on one (`ner`; a model of another shape
   runs as it is).
2. A recogniser runs where its cheap necessary condition holds: a necessary regex, and for one whose patterns all
   score below the threshold a context word somewhere in the text.
3. Lemmas, in which Presidio looks for context words, are made where a word's possible lemmas do not agree (`context`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from curation.pii.config import PiiConfig
from curation.pii.context import ContextScores
from curation.pii.engine import LANGUAGE, MAPPING, build
from curation.pii.finding import Finding
from curation.pii.ner import BatchedNer
from curation.pii.phones import PhoneFinder

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult

BATCH_TEXTS = 128
# What a text must hold for the recogniser to find anything at all; looser than the recogniser's own patterns.
NECESSARY = {
    "CreditCardRecognizer": r"\d(?:[- ]?\d){12}",
    "UsBankRecognizer": r"\d{8}",
    "UsLicenseRecognizer": r"\d",
    "UsItinRecognizer": r"9\d{2}[- ]?\d",
    "UsPassportRecognizer": r"\d{8}",
    "UsSsnRecognizer": r"\d{3}[- .]?\d{2}[- .]?\d{4}",
    "NhsRecognizer": r"\d{3}[- ]?\d{3}[- ]?\d{4}",
    "CryptoRecognizer": r"(?:[bB][cC]1|[13])[^\W_]{25}",
    "EmailRecognizer": r"@",
    "IbanRecognizer": r"[^\W\d_]{2}\d{2}[ -]?[^\W_]{4}",
    "IpRecognizer": r"\d\.\d{1,3}\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:",
    "MedicalLicenseRecognizer": r"[^\W\d_][^\W_]\d{7}",
    "UrlRecognizer": r"[\w.-]\.[^\W\d_]{2}",
}
# Those that find nothing with white space inside: they look at words that hold what is necessary, and at no others.
WITHIN_WORDS = frozenset(
    {
        "CryptoRecognizer",
        "EmailRecognizer",
        "IpRecognizer",
        "MedicalLicenseRecognizer",
        "UrlRecognizer",
        "UsBankRecognizer",
        "UsLicenseRecognizer",
        "UsPassportRecognizer",
    }
)
SPACE = re.compile(r"[ \n]")


class FastAnalyzer:
    """Presidio for many texts at once; `find` gives what `analyze` gives, sorted by position."""

    def __init__(self, config: PiiConfig) -> None:
        self._analyzer, nlp = build(config)
        self._engine: Any = self._analyzer.nlp_engine
        self._nlp = nlp
        self._threshold = config.threshold
        supported = set(self._analyzer.get_supported_entities(LANGUAGE))
        self._entities = [name for name in config.entities if name in supported]
        registry = self._analyzer.registry
        recognisers: list[Any] = (
            registry.get_recognizers(language=LANGUAGE, entities=self._entities) if self._entities else []
        )
        self._recognisers = sorted(recognisers, key=lambda r: str(r.name))
        self._labels = {label: name for label, name in MAPPING.items() if name in self._entities}
        self._phones = {r.id: PhoneFinder(r) for r in self._recognisers if r.name == "PhoneRecognizer"}
        self._ner = _batched(self._nlp, self._labels) if self._labels else None
        self._context = ContextScores(self._analyzer, nlp, self._recognisers)
        self._gates = [
            _Gate(r, self._threshold, self._context) for r in self._recognisers if r.name != "SpacyRecognizer"
        ]

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Findings at or above the threshold for each text."""
        found: list[list[Finding]] = []
        for at in range(0, len(texts), BATCH_TEXTS):
            found += self._batch(texts[at : at + BATCH_TEXTS])
        return found

    def _batch(self, texts: Sequence[str]) -> list[list[Finding]]:
        docs, names = self._names(texts)
        raw = [self._pattern_results(text) for text in texts]
        results = self._context.raised(texts, docs, raw)
        return [self._kept(own, self._name_results(spans)) for own, spans in zip(results, names, strict=True)]

    def _names(self, texts: Sequence[str]) -> tuple[list[Any], list[list[tuple[str, int, int]]]]:
        """The tokenised texts, and the spans (label, start, end in characters) of each."""
        docs = list(self._nlp.tokenizer.pipe(texts))
        if not self._labels:
            return docs, [[] for _ in texts]
        if self._ner is None:
            whole = self._nlp.pipe(texts, batch_size=BATCH_TEXTS)
            return docs, [[(e.label_, e.start_char, e.end_char) for e in doc.ents] for doc in whole]
        spans = self._ner.spans(docs)
        return docs, [
            [(label, *_characters(doc, a, b)) for label, a, b in own]
            for doc, own in zip(docs, spans, strict=True)
        ]

    def _pattern_results(self, text: str) -> list[RecognizerResult]:
        low = text.lower()
        results: list[RecognizerResult] = []
        for gate in self._gates:
            if gate.closed(text, low):
                continue
            recogniser = gate.recogniser
            if recogniser.id in self._phones:
                found = self._phones[recogniser.id].find(text)
            elif gate.within_words:
                found = _moved(recogniser, *gate.words(text), self._entities)
            else:
                artifacts = self._engine.process_text(text, LANGUAGE) if gate.needs_artifacts else None
                found = recogniser.analyze(text, self._entities, artifacts)
            for result in found or ():
                if result.entity_type in self._entities:
                    results.append(_identified(result, recogniser))
        return results

    def _name_results(self, spans: list[tuple[str, int, int]]) -> list[Finding]:
        score = float(self._engine.ner_model_configuration.default_score)
        return [Finding(self._labels[label], a, b, score) for label, a, b in spans if label in self._labels]

    def _kept(self, results: list[RecognizerResult], names: list[Finding]) -> list[Finding]:
        """At or above the threshold, without duplicates, by position."""
        from presidio_analyzer import EntityRecognizer, RecognizerResult

        everything = results + [RecognizerResult(n.type, n.start, n.end, n.score) for n in names]
        strong = [r for r in everything if r.score >= self._threshold]
        unique = EntityRecognizer.remove_duplicates(strong) if len(strong) > 1 else strong
        return sorted(
            (Finding(r.entity_type, r.start, r.end, r.score) for r in unique),
            key=lambda f: (f.start, f.end, f.type),
        )


class _Gate:
    """The cheap necessary condition of one recogniser."""

    def __init__(self, recogniser: Any, threshold: float, scores: ContextScores) -> None:
        from presidio_analyzer import PatternRecognizer

        self.recogniser = recogniser
        own = not type(recogniser).__module__.startswith("presidio_analyzer.")
        # A pattern never looks at what spaCy made of the text; a recogniser of the user's may.
        self.needs_artifacts = own and not isinstance(recogniser, PatternRecognizer)
        necessary = None if own else NECESSARY.get(recogniser.name)
        self._search = re.compile(necessary).search if necessary else None
        self.within_words = not own and recogniser.name in WITHIN_WORDS
        patterns = getattr(recogniser, "patterns", [])
        validates = (
            isinstance(recogniser, PatternRecognizer)
            and type(recogniser).validate_result is not PatternRecognizer.validate_result
        )
        weak = bool(patterns) and not validates and all(p.score < threshold for p in patterns)
        self._context = scores.needed(recogniser.context) if weak else ()

    def closed(self, text: str, low: str) -> bool:
        """True where the recogniser cannot find anything that would count."""
        if self._search is not None and not self._search(text):
            return True
        return bool(self._context) and not any(word in low for word in self._context)

    def words(self, text: str) -> tuple[str, list[int], list[int]]:
        """The words that hold what is necessary, as one text; where each begins there, and in `text`."""
        words: list[str] = []
        begins, places = [], []
        length = end = 0
        while match := self._search(text, end) if self._search else None:
            start = (
                max(text.rfind(" ", end, match.start()), text.rfind("\n", end, match.start()), end - 1) + 1
            )
            space = SPACE.search(text, match.end())
            end = space.start() if space else len(text)
            words.append(text[start:end])
            begins.append(length)
            places.append(start)
            length += end - start + 1
        return "\n".join(words), begins, places


def _moved(
    recogniser: Any, words: str, begins: Sequence[int], places: Sequence[int], entities: Sequence[str]
) -> list[RecognizerResult]:
    """What a recogniser finds in words that stand elsewhere in a text."""
    results: list[RecognizerResult] = recogniser.analyze(words, entities, None)
    for result in results:
        word = bisect_right(begins, result.start) - 1
        result.start += places[word] - begins[word]
        result.end += places[word] - begins[word]
    return results


def _identified(result: RecognizerResult, recogniser: Any) -> RecognizerResult:
    """The result with a note of who found it: a user's own recogniser need not write one."""
    if not result.recognition_metadata:
        result.recognition_metadata = {
            result.RECOGNIZER_NAME_KEY: recogniser.name,
            result.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
        }
    return result


def _batched(nlp: Any, labels: Iterable[str]) -> BatchedNer | None:
    """The fast reading of the named-entity pipe where it has the known shape."""
    try:
        return BatchedNer(nlp, labels)
    except ValueError:
        return None


def _characters(doc: Any, first: int, end: int) -> tuple[int, int]:
    last = doc[end - 1]
    return doc[first].idx, last.idx + len(last)
