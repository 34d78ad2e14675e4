"""The engine `best`: Presidio's recognisers with the medium spaCy model, a BERT model, rules, and the user's own.

Every recogniser speaks Presidio's interface. Their findings are filtered (`junk`), merged (`merging`) and cut at the
threshold of their type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from curation.pii.config import PiiConfig
from curation.pii.fast import FastAnalyzer
from curation.pii.finding import Finding
from curation.pii.junk import without_junk
from curation.pii.merging import merged
from curation.pii.model import load
from curation.pii.programs import without_identifiers
from curation.pii.recognizers import BatchRecognizer, ExtrasRecognizer, ModelRecognizer, RuleRecognizer
from curation.pii.rules import RULES


class BestAnalyzer:
    """Everything at once; `find` reads many texts."""

    def __init__(self, config: PiiConfig) -> None:
        self._entities = frozenset(config.entities)
        self._threshold = config.threshold
        self._skip_code_names = config.skip_code_names
        self._thresholds = dict(config.thresholds)
        load(config.threads)  # an error about a missing model comes before the work
        self._presidio = FastAnalyzer(
            replace(config, threshold=min([config.threshold, *config.thresholds.values()]))
        )
        recognizers: list[BatchRecognizer] = [
            ModelRecognizer(config.model_threshold, config.threads),
            ExtrasRecognizer(),
            *(RuleRecognizer(family) for family in RULES),
        ]
        self._recognizers = [r for r in recognizers if self._entities & set(r.supported_entities)]

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Findings of the wanted types, at or above their thresholds, for each text."""
        found = [list(own) for own in self._presidio.find(texts)]
        for recognizer in self._recognizers:
            for own, more in zip(found, recognizer.find(texts), strict=True):
                own.extend(more)
        return [self._kept(text, own) for text, own in zip(texts, found, strict=True)]

    def _kept(self, text: str, findings: list[Finding]) -> list[Finding]:
        strong = [f for f in findings if f.score >= self._thresholds.get(f.type, self._threshold)]
        likely = without_junk(text, strong)
        if self._skip_code_names:
            likely = without_identifiers(text, likely)
        return merged(text, likely, self._entities)
