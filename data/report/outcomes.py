"""Outcome words: how bad each is, what it means in plain words, and the tone and shape it is drawn with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from data.facts import Outcome


class Tone(StrEnum):
    """The look of a badge. Every tone has its own shape, so that it reads without colour."""

    good = "good"
    bad = "bad"
    caution = "caution"
    unknown = "unknown"
    absent = "absent"
    neutral = "neutral"


@dataclass(frozen=True, slots=True)
class Word:
    """An outcome word: its tone, the label printed, and one sentence for the legend."""

    tone: Tone
    label: str
    meaning: str


# Worst first: this order sorts decision tables and picks a report's overall outcome.
WORDS: dict[str, Word] = {
    Outcome.FAIL.value: Word(
        Tone.bad, "FAIL", "The value, or its whole interval, lies on the wrong side of the threshold."
    ),
    "WORSE": Word(Tone.bad, "WORSE", "The interval of the difference lies below zero."),
    Outcome.WARN.value: Word(
        Tone.caution, "WARN", "Not shown to be good enough, or close to the threshold: a person should look."
    ),
    Outcome.INSUFFICIENT.value: Word(
        Tone.unknown, "TOO FEW ROWS", "Too few rows to say; the number that would be needed is stated."
    ),
    "UNCLEAR": Word(Tone.unknown, "UNCLEAR", "The interval of the difference includes zero."),
    Outcome.NOT_RUN.value: Word(Tone.absent, "NOT RUN", "Was not examined, and so says nothing good or bad."),
    Outcome.ACCEPTED.value: Word(
        Tone.good, "ACCEPTED", "A person accepted it, with a reason and a last day."
    ),
    "BETTER": Word(Tone.good, "BETTER", "The interval of the difference lies above zero."),
    Outcome.PASS.value: Word(
        Tone.good, "PASS", "The value, or its whole interval, lies on the right side of the threshold."
    ),
    Outcome.INFO.value: Word(Tone.neutral, "INFO", "A measurement without a threshold."),
}


def word_of(outcome: str) -> Word:
    """The word for `outcome`; a decision that is not in WORDS is drawn neutrally under its own name."""
    return WORDS.get(outcome) or Word(Tone.neutral, outcome.replace("_", " "), "")


def severity(outcome: str) -> int:
    """Position in WORDS, 0 for the worst; unknown words come last."""
    order = list(WORDS)
    return order.index(outcome) if outcome in order else len(order)


def worst(outcomes: Iterable[str]) -> str:
    """The worst of `outcomes`; NOT_RUN where there are none, because nothing was examined."""
    return min(outcomes, key=severity, default=Outcome.NOT_RUN.value)
