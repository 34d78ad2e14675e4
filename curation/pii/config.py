"""What the pii stage looks for, with which engine, and what it puts in place of a finding."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from data.errors import ConfigError, closest


class Engine(StrEnum):
    """presidio: Presidio's recognisers with a spaCy model; best: the same with a larger one, a BERT model and rules;
    patterns: checksums and regexes only, no model."""

    presidio = "presidio"
    best = "best"
    patterns = "patterns"


class Code(StrEnum):
    """Blocks of code between lines of three backquotes: scanned like everything else, or skipped."""

    scan = "scan"
    skip = "skip"


class Operator(StrEnum):
    """What happens to a finding.

    placeholder  `<PERSON>`
    numbered     `<PERSON_1>`: the same number for the same value within a record
    redact       taken out
    hash         `<PERSON_3f9a2c1bd041>`: the first 12 hex digits of an HMAC-SHA256 of the value
    pseudonym    a person gets another name, the same in the whole dataset and under the same key in every other;
                 any other type is written as with `hash`
    surrogate    a made-up value of the same kind and format, the same for the same value
    partial      a part stays: the domain of an e-mail address, the last digits of a card, initials
    tag          the text stays, the record only gets a tag

    hash, pseudonym and surrogate want a key (`data/key.py`).
    """

    placeholder = "placeholder"
    numbered = "numbered"
    redact = "redact"
    hash = "hash"
    pseudonym = "pseudonym"
    surrogate = "surrogate"
    partial = "partial"
    tag = "tag"


KEYED = frozenset({Operator.hash, Operator.pseudonym, Operator.surrogate})

# Every type that can be asked for. A placeholder of one of these is never masked again.
NAMED_ENTITIES = ("PERSON", "LOCATION", "NRP", "ORGANIZATION", "DATE_TIME")  # found by the spaCy model
ENTITIES = (
    *NAMED_ENTITIES,
    "AGE",  # this and the next three: pii=best only
    "DATE_OF_BIRTH",
    "NATIONAL_ID",
    "TITLE",
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "MEDICAL_LICENSE",
    "PHONE_NUMBER",
    "SECRET",
    "STREET_ADDRESS",
    "UK_NHS",
    "URL",
    "US_BANK_NUMBER",
    "US_DRIVER_LICENSE",
    "US_ITIN",
    "US_PASSPORT",
    "US_SSN",
    "UUID",
    "ZIP_CODE",  # pii=best only
)
LANGUAGES = ("en",)  # the models read English; a text in another language gets a tag

# Measured with Presidio 2.2.366 and en_core_web_sm 3.8 at threshold .4: recall and precision (any overlap, same
# type) on pii_presidio_synth_v2 (1,500 texts), false alarms on 700 role-play and 700 code examples of
# sft_gpteacher, which hold next to no real personal data.
#
#   on:  EMAIL_ADDRESS, IBAN_CODE, IP_ADDRESS, US_SSN   recall 1.00, precision 1.00
#        CREDIT_CARD       .77 / 1.00, with `extra_patterns` .99 / 1.00
#        US_DRIVER_LICENSE .80 / 1.00; PHONE_NUMBER .59 / .73, with `extra_patterns` .83 / .81
#        CRYPTO, MEDICAL_LICENSE, US_ITIN, US_PASSPORT, US_BANK_NUMBER, UK_NHS   at most 3 alarms in 1,000 code texts
#        PERSON            .64 / .70; the one type that a masking stage cannot do without, in spite of 557 alarms
#                          in 1,000 code texts (`skip_code_names` takes 4 in 10 of those away)
#        SECRET (no labels), STREET_ADDRESS .20 / 1.00: `extra_patterns` only, 2 alarms in 4,535 code texts. The
#                          extra patterns were written with the misses on this set in view: expect less on other text
#   off: LOCATION          .23 / .80 and 841 alarms in 1,000 role-play texts: place names are rarely personal, and
#                          without them "What is the capital of <LOCATION>?" is no training example any more
#        DATE_TIME         1.00 / .16; NRP .66 / .63; URL 1,037 alarms in 1,000 code texts; ORGANIZATION, UUID,
#                          MAC_ADDRESS do not name a person
DEFAULT_ENTITIES = (
    "PERSON",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "US_ITIN",
    "US_PASSPORT",
    "US_DRIVER_LICENSE",
    "US_BANK_NUMBER",
    "UK_NHS",
    "MEDICAL_LICENSE",
    "IP_ADDRESS",
    "CRYPTO",
    "SECRET",
    "STREET_ADDRESS",
)


@dataclass(kw_only=True, slots=True)
class PiiConfig:
    """Settings of the stage `pii`.

    enabled          False: the stage finds nothing
    engine           see `Engine`; `patterns` needs no spaCy model and finds no names
    entities         types to look for, each one of ENTITIES
    operator         see `Operator`
    operators        another operator for some types: {PERSON: pseudonym, EMAIL_ADDRESS: partial}
    key_file         file that holds the key of hash, pseudonym, surrogate and the vault; empty: the variable
                     TUNEPROOF_PII_KEY, else ~/.config/tuneproof/pii.key. The key is in no configuration and no store
    vault            file in which the originals are kept, encrypted, so that `python -m data reveal` can show them
                     again; empty: they are not kept. Made by `python -m data vault init`
    whole_record     replace a name, number or address that was found once in every message of its record
    threshold        confidence from which a finding counts, 0 to 1. Presidio gives a phone number without a context
                     word exactly .4 and raises a weak pattern beside a context word to .4; at .5 the recall of phone
                     numbers falls from .59 to .20, at .35 nothing is gained
    drop_over        drop a record with more findings than this (None: never)
    spacy_model      installed spaCy model or a directory that holds one
    extra_patterns   also find what Presidio has no recogniser for: API keys, spelled-out e-mail addresses, streets
    allow            words that are never personal here, such as product names: a finding made of them alone does not
                     count; case is ignored
    skip_code_names  leave a PERSON, LOCATION, NRP or ORGANIZATION alone that holds characters of program code
    processes        worker processes; 0: up to 2 for an input of more than 5,000 records, else 1
    thresholds       another threshold for some types, e.g. {PERSON: 0.6}
    deny             words that are always personal here, by type, e.g. {PERSON: [Aunt May]}; case is ignored
    code             see `Code`
    languages        of the texts; one in another language is read all the same, and gets the tag pii_other_language
    recognizers      classes of your own, `package.module.Class`, that speak Presidio's recogniser interface; their
                     types may stand in `entities`
    phone_regions    countries (two letters) whose telephone numbers are known without their +; empty: Presidio's
    model_threshold  best: probability from which the BERT model's label of a word counts, 0 to 1
    threads          best: threads of the BERT model in each process
    """

    enabled: bool = True
    engine: Engine = Engine.presidio
    entities: list[str] = field(default_factory=lambda: list(DEFAULT_ENTITIES))
    operator: Operator = Operator.placeholder
    operators: dict[str, Operator] = field(default_factory=dict)
    key_file: str = ""
    vault: str = ""
    whole_record: bool = True
    threshold: float = 0.4
    drop_over: int | None = None
    spacy_model: str = "en_core_web_sm"
    extra_patterns: bool = True
    allow: list[str] = field(default_factory=list)
    skip_code_names: bool = True
    processes: int = 0
    thresholds: dict[str, float] = field(default_factory=dict)
    deny: dict[str, list[str]] = field(default_factory=dict)
    code: Code = Code.scan
    languages: list[str] = field(default_factory=lambda: list(LANGUAGES))
    recognizers: list[str] = field(default_factory=list)
    phone_regions: list[str] = field(default_factory=list)
    model_threshold: float = 0.3
    threads: int = 1

    def __post_init__(self) -> None:
        for name in self.entities:
            if name not in ENTITIES and not self.recognizers:
                raise ConfigError(f"pii.entities holds '{name}'", closest(name, ENTITIES))
        check_detection(self)
        if not self.entities:
            raise ConfigError("pii.entities is empty", "to switch the stage off use pii=off")
        self._check_operators()
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"pii.threshold={self.threshold}", "allowed: 0 to 1, e.g. pii.threshold=0.4")
        if self.drop_over is not None and self.drop_over < 0:
            raise ConfigError(f"pii.drop_over={self.drop_over}", "allowed: null, or 0 and above")
        if self.processes < 0:
            raise ConfigError(f"pii.processes={self.processes}", "allowed: 0 (automatic), or 1 and above")

    def _check_operators(self) -> None:
        for name, operator in self.operators.items():
            if name not in (*ENTITIES, *self.entities):
                raise ConfigError(f"pii.operators holds '{name}'", closest(name, ENTITIES))
            if operator is Operator.tag:
                raise ConfigError(
                    f"pii.operators={{{name}:tag}}: a type that is to stay is not looked for",
                    f"leave {name} out of pii.entities",
                )
        if self.operator is Operator.tag and (self.operators or self.vault):
            key = "operators" if self.operators else "vault"
            raise ConfigError(
                f"pii.operator=tag replaces nothing, and pii.{key} says otherwise",
                "usual: pii.operator=placeholder",
            )

    def operator_of(self, entity: str) -> Operator:
        """What happens to findings of this type."""
        return self.operators.get(entity, self.operator)

    @property
    def wants_key(self) -> bool:
        """Whether something of it needs a key."""
        return self.enabled and (
            bool(self.vault) or not KEYED.isdisjoint({self.operator, *self.operators.values()})
        )


def check_detection(config: PiiConfig) -> None:
    """Raise ConfigError for a setting of the detection that is out of range."""
    config.thresholds, config.deny = dict(config.thresholds), dict(config.deny)
    for key, values in (("thresholds", config.thresholds), ("deny", config.deny)):
        for name in values:
            if name not in (*ENTITIES, *config.entities):
                raise ConfigError(f"pii.{key} holds '{name}'", closest(str(name), ENTITIES))
    for name, value in config.thresholds.items():
        if not 0 <= value <= 1:
            raise ConfigError(
                f"pii.thresholds: {name} is {value}", "allowed: 0 to 1, e.g. 'pii.thresholds={PERSON: 0.6}'"
            )
    for name, words in config.deny.items():
        if not all(word.strip() for word in words):
            raise ConfigError(f"pii.deny: {name} holds an empty word", "e.g. 'pii.deny={PERSON: [Aunt May]}'")
    _check_engines(config)


def _check_engines(config: PiiConfig) -> None:
    if not 0 < config.model_threshold <= 1:
        raise ConfigError(f"pii.model_threshold={config.model_threshold}", "allowed: above 0, up to 1")
    if config.threads < 1:
        raise ConfigError(f"pii.threads={config.threads}", "allowed: 1 and above")
    _check_languages(config.languages)
    for region in config.phone_regions:
        if not (len(region) == 2 and region.isalpha() and region.isupper()):
            raise ConfigError(
                f"pii.phone_regions holds '{region}'", "give two capitals, e.g. pii.phone_regions=[US,GB]"
            )


def _check_languages(languages: list[str]) -> None:
    if not languages:
        raise ConfigError("pii.languages is empty", "e.g. pii.languages=[en]")
    unusual = [language for language in languages if language not in LANGUAGES]
    if not unusual:
        return
    # Its model takes about half a second to load.
    from curation.languages import identifier

    known = sorted(set(identifier().labels))
    for language in unusual:
        if language not in known:
            raise ConfigError(
                f"pii.languages holds '{language}', which no text is ever taken for",
                f"known: {', '.join(known)}",
            )


def usual(engine: Engine) -> PiiConfig:
    """The settings of `pii=<engine>`, with every type asked for: for measuring an engine by itself."""
    config = PiiConfig(engine=engine, entities=list(ENTITIES), processes=1)
    if engine is Engine.best:
        config.spacy_model, config.threshold = "en_core_web_md", 0.3
    return config
