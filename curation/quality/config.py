"""Thresholds of the quality stage, and what happens to a record that misses one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from data.errors import ConfigError, closest


class Consequence(StrEnum):
    """What a family's findings do: leave the record out, note it, or nothing."""

    drop = "drop"
    tag = "tag"
    off = "off"


# The families in the order in which they are asked; of a record that several would drop, the first gives the
# reason. What a machine can be sure of is dropped, what needs a person's eye is noted.
FAMILIES: dict[str, Consequence] = {
    "chat": Consequence.drop,
    "empty": Consequence.drop,
    "length": Consequence.drop,
    "encoding": Consequence.drop,
    "refusal": Consequence.drop,
    "copy": Consequence.drop,
    "repetition": Consequence.drop,
    "language": Consequence.drop,
    "input_encoding": Consequence.tag,
    "truncation": Consequence.tag,
    "markup": Consequence.tag,
    "document": Consequence.tag,
}


@dataclass(kw_only=True, slots=True)
class QualityConfig:
    """Settings of the quality stage. Lengths are in characters or in words between white space.

    enabled                whether the stage runs
    families               for each family of rules: drop, tag or off; families not named keep their default
    min_prompt_chars, max_prompt_chars   length of a dialogue's prompt, and of a labelled text
    min_answer_chars, max_answer_chars   length of a dialogue's answer; short answers are fine by default
    min_answer_words       least words of a dialogue's answer
    max_refusal_fraction   fraction (0 to 1) of a dialogue's answers that may be refusals
    max_copied_fraction    largest fraction (0 to 1) of prompt or answer that may be the other one word for word
    min_copied_chars       shorter answers are never taken for copies
    min_repetition_words   shorter answers and texts are not judged for repetition
    max_repeated_fraction  largest fraction (0 to 1) of an answer or labelled text that may be lines, paragraphs or
                           10-grams that stood before in it; for plain documents Gopher's limits hold
    max_mojibake           sequences that look like a wrong decoding (ftfy.badness) that a text may hold
    max_markup             left-over HTML tags and entities that a text may hold
    languages              expected languages (ISO 639-1); empty: any
    min_language_confidence   probability (0 to 1) from which another language is believed
    min_language_chars     shorter texts are not judged for language
    max_language_chars     so many characters from the beginning are looked at
    min_truncation_words   shorter answers are not judged for a missing end
    min_document_words, max_document_words   words of a plain document (Gopher: 50 and 100,000)
    """

    enabled: bool = True
    families: dict[str, str] = field(default_factory=dict)
    min_prompt_chars: int = 0
    max_prompt_chars: int = 100_000
    min_answer_chars: int = 0
    max_answer_chars: int = 50_000
    min_answer_words: int = 0
    max_refusal_fraction: float = 0.5
    max_copied_fraction: float = 0.9
    min_copied_chars: int = 30
    min_repetition_words: int = 20
    max_repeated_fraction: float = 0.5
    max_mojibake: int = 0
    max_markup: int = 2
    languages: list[str] = field(default_factory=lambda: ["en"])
    min_language_confidence: float = 0.9
    min_language_chars: int = 60
    max_language_chars: int = 400
    min_truncation_words: int = 25
    min_document_words: int = 50
    max_document_words: int = 100_000

    def __post_init__(self) -> None:
        self.families = {
            **FAMILIES,
            **{n: consequence("quality", FAMILIES, n, c) for n, c in self.families.items()},
        }
        for key in self.__slots__:
            value = getattr(self, key)
            if key.endswith(("_fraction", "_confidence")):
                _check(key, value, 0 <= value <= 1, "0 to 1")
            elif key.endswith(("_chars", "_words", "_mojibake", "_markup")):
                _check(key, value, value >= 0, "0 or more")
            if key.startswith("max_") and hasattr(self, "min_" + key[4:]):
                low = getattr(self, "min_" + key[4:])
                _check(key, value, value >= low, f"at least quality.min_{key[4:]}={low}")
        for code in self.languages:
            _check(
                "languages",
                code,
                len(code) == 2 and code.islower(),
                "two-letter codes, as in quality.languages=[en,de]",
            )

    def does(self, family: str) -> Consequence:
        """What the findings of `family` do."""
        return Consequence(self.families[family])


def consequence(stage: str, families: Collection[str], family: str, given: str) -> Consequence:
    """What `stage.families.family=given` asks for. Raises ConfigError for a family or a word that is unknown."""
    if family not in families:
        raise ConfigError(f"{stage}.families.{family}: no such family of rules", closest(family, families))
    # YAML reads a bare `off` as the boolean.
    word = "off" if str(given).lower() == "false" else str(given)
    if word not in list(Consequence):
        raise ConfigError(f"{stage}.families.{family}={given} is unknown", closest(word, list(Consequence)))
    return Consequence(word)


def _check(key: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ConfigError(f"quality.{key}={value} is outside its range", f"allowed: {allowed}")
