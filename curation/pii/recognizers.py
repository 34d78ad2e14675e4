"""Presidio's recogniser interface: the model and the rules as recognisers, and recognisers of the user's own.

Imports Presidio, so it is imported late. Each class works in a stock `AnalyzerEngine` too:

    analyzer.registry.add_recognizer(ModelRecognizer())
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult

from curation.pii.extras import EXTRAS, find_extras
from curation.pii.finding import Finding
from curation.pii.model import Labelled, load
from curation.pii.rules import RULES
from data.errors import UserError

# What the model's labels are here.
TYPES = {
    "GIVEN_NAME": "PERSON",
    "SURNAME": "PERSON",
    "EMAIL": "EMAIL_ADDRESS",
    "PHONE": "PHONE_NUMBER",
    "URL": "URL",
    "TAX_ID": "NATIONAL_ID",
    "GOVERNMENT_ID": "NATIONAL_ID",
    "PASSPORT": "US_PASSPORT",
    "DRIVERS_LICENSE": "US_DRIVER_LICENSE",
    "BANK_ACCOUNT": "US_BANK_NUMBER",
    "ROUTING_NUMBER": "US_BANK_NUMBER",
    "BUILDING_NUMBER": "STREET_ADDRESS",
    "STREET_NAME": "STREET_ADDRESS",
    "SECONDARY_ADDRESS": "STREET_ADDRESS",
    "CITY": "LOCATION",
    "STATE": "LOCATION",
    "ZIP_CODE": "ZIP_CODE",
}
ADDRESS_LABELS = ("STREET_NAME", "SECONDARY_ADDRESS", "ZIP_CODE", "CITY")
ADDRESS_WITHIN_CHARS = 25


class BatchRecognizer(EntityRecognizer):
    """A recogniser that reads many texts at once; `analyze` reads one."""

    def load(self) -> None:
        """Nothing: what is heavy is loaded with the first text."""

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Findings of each text, of every type that it knows."""
        raise NotImplementedError

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[RecognizerResult]:
        """Presidio's interface: results of the wanted types."""
        wanted = set(entities or self.supported_entities)
        return [
            RecognizerResult(f.type, f.start, f.end, f.score)
            for f in self.find([text])[0]
            if f.type in wanted
        ]


class ModelRecognizer(BatchRecognizer):
    """The BERT model; `threshold` is the probability from which a token's label counts."""

    def __init__(self, threshold: float = 0.3, threads: int = 1) -> None:
        self._threshold, self._threads = threshold, threads
        super().__init__(supported_entities=sorted(set(TYPES.values())), name="ModelRecognizer")

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """What the model finds, under our types."""
        return [_typed(spans) for spans in load(self._threads).spans(texts, self._threshold)]


class RuleRecognizer(BatchRecognizer):
    """One family of rules, by its name in RULES."""

    def __init__(self, family: str) -> None:
        types, self._rule = RULES[family]
        super().__init__(supported_entities=list(types), name=f"RuleRecognizer.{family}")

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """What the rules of the family find."""
        return [list(self._rule(text)) for text in texts]


class ExtrasRecognizer(BatchRecognizer):
    """The patterns that the engine `presidio` is given besides (`extras`)."""

    def __init__(self) -> None:
        super().__init__(supported_entities=sorted({extra.type for extra in EXTRAS}), name="ExtrasRecognizer")
        self._types = frozenset(self.supported_entities)

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """What the patterns find, whatever their score."""
        return [find_extras(text, self._types, 0.0) for text in texts]


def _typed(spans: list[Labelled]) -> list[Finding]:
    """A house number counts beside the rest of an address only: any number looks like one."""
    places = [s for s in spans if s.label in ADDRESS_LABELS]
    near = ADDRESS_WITHIN_CHARS
    return [
        Finding(TYPES[s.label], s.start, s.end, s.score)
        for s in spans
        if s.label in TYPES
        and (
            s.label != "BUILDING_NUMBER"
            or any(p.start - near <= s.end and s.start <= p.end + near for p in places)
        )
    ]


def own_recognizers(paths: Sequence[str]) -> list[EntityRecognizer]:
    """An instance of each class named `package.module.Class`. UserError for a path that leads to no recogniser."""
    found = []
    for path in paths:
        module_name, _, class_name = path.rpartition(".")
        named = bool(module_name) and all(part.isidentifier() for part in path.split("."))
        try:
            kind = getattr(import_module(module_name), class_name) if named else None
        except ModuleNotFoundError as error:
            raise UserError(
                f"pii.recognizers: there is no module '{error.name}' for '{path}'",
                "give the place of a class: pii.recognizers=[package.module.Class]",
                "the module is looked for in the current folder and among the installed packages",
            ) from None
        except AttributeError:
            names = [
                name for name, value in vars(sys.modules[module_name]).items()
                if isinstance(value, type) and issubclass(value, EntityRecognizer)
            ]  # fmt: skip
            raise UserError(
                f"pii.recognizers: '{module_name}' has no class '{class_name}'",
                f"its recognisers: {', '.join(names) or 'none'}",
            ) from None
        if not (isinstance(kind, type) and issubclass(kind, EntityRecognizer)):
            raise UserError(
                f"pii.recognizers: '{path}' is no class of Presidio's recognisers",
                "it must be a subclass of presidio_analyzer.EntityRecognizer, such as PatternRecognizer",
            )
        try:
            make: Callable[[], EntityRecognizer] = kind
            found.append(make())
        except TypeError as error:
            raise UserError(
                f"pii.recognizers: '{path}' cannot be made without arguments",
                f"give its __init__ defaults ({error})",
            ) from None
    return found
