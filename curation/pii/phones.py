"""Presidio's phone recogniser, with one search for candidates instead of one for each of its eight regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult

CACHED_CANDIDATES = 100_000


class PhoneFinder:
    """What `PhoneRecognizer.analyze` finds.

    phonenumbers looks for candidates with one regex, the same for every region, and then tries to read each as a
    number of the region. What it decides depends on the candidate, the character before it and the three after it, so
    that decisions are kept.
    """

    def __init__(self, recogniser: Any) -> None:
        from phonenumbers import PhoneMetadata, phonenumbermatcher

        self._recogniser = recogniser
        self._module: Any = phonenumbermatcher
        self._regions: list[tuple[str, int]] = []
        for region in recogniser.supported_regions:
            metadata: Any = PhoneMetadata.metadata_for_region(region)
            lengths = [n for n in metadata.general_desc.possible_length if n > 0]
            self._regions.append((region, min(lengths)))
        self._fewest_digits = min(n for _, n in self._regions)
        self._known: dict[tuple[str, str, str], frozenset[tuple[int, int]] | None] = {}

    def find(self, text: str) -> list[RecognizerResult]:
        """Phone numbers in `text`."""
        spans: set[tuple[int, int]] = set()
        for start, candidate in self._candidates(text):
            if sum(map(str.isdigit, candidate)) < self._fewest_digits:
                continue
            end = start + len(candidate)
            key = (text[max(0, start - 1) : start], candidate, text[end : end + 4])
            if key not in self._known:
                if len(self._known) >= CACHED_CANDIDATES:
                    self._known.clear()
                self._known[key] = self._decide(text, start, candidate)
            decided = self._known[key]
            if decided is None:  # a number that ends before its candidate: the search goes on inside it
                return list(self._recogniser.analyze(text, self._recogniser.supported_entities, None))
            spans |= {(start + a, start + b) for a, b in decided}
        return self._results(text, spans)

    def _candidates(self, text: str) -> list[tuple[int, str]]:
        pattern, second = self._module._PATTERN, self._module._SECOND_NUMBER_START_PATTERN
        found = []
        match = pattern.search(text)
        while match is not None:
            cut = second.search(match.group())
            candidate = match.group()[: cut.start()] if cut else match.group()
            found.append((match.start(), candidate))
            match = pattern.search(text, match.start() + len(candidate))
        return found

    def _decide(self, text: str, start: int, candidate: str) -> frozenset[tuple[int, int]] | None:
        digits = sum(map(str.isdigit, candidate))
        international = "+" in candidate or "\uff0b" in candidate
        spans = set()
        for region, fewest in self._regions:
            if digits < fewest and not international:
                continue
            matcher = self._module.PhoneNumberMatcher(text, region, leniency=self._recogniser.leniency)
            match = matcher._extract_match(candidate, start)
            if match is None:
                continue
            if match.end < start + len(candidate):
                return None
            spans.add((match.start - start, match.end - start))
        return frozenset(spans)

    def _results(self, text: str, spans: set[tuple[int, int]]) -> list[RecognizerResult]:
        from presidio_analyzer import EntityRecognizer
        from presidio_analyzer import RecognizerResult as Result

        name = self._recogniser.name
        results = [
            Result(
                self._recogniser.supported_entities[0],
                start,
                end,
                self._recogniser.SCORE,
                analysis_explanation=self._recogniser._get_analysis_explanation(None),
                recognition_metadata={
                    Result.RECOGNIZER_NAME_KEY: name,
                    Result.RECOGNIZER_IDENTIFIER_KEY: self._recogniser.id,
                },
            )
            for start, end in sorted(spans)
        ]
        return list(EntityRecognizer.remove_duplicates(results)) if len(results) > 1 else results
