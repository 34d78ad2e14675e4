"""Planted duplicates: equal rows, rows equal but for case and spaces, lightly edited copies, and look-alikes.

Every copy's similarity is counted exactly, under two readings of "word", before it is accepted.
"""

from __future__ import annotations

import random
from copy import deepcopy

from data.samples.overlap import jaccard, jaccard_spaced
from data.samples.rows import Row, draw_columns

EXACT, NORMALISED, NEAR, DECOYS = 32, 10, 60, 20
NEAR_FROM, NEAR_TO = 0.80, 0.98
DECOY_FROM, DECOY_TO = 0.50, 0.75
FILLERS = (
    "really",
    "today",
    "again",
    "of course",
    "as always",
    "this month",
    "at last",
    "just now",
    "in short",
    "indeed",
)
ENDINGS = (
    "Thanks.",
    "Thank you!",
    "Cheers.",
    "Best, Kim",
    "Please.",
    "That is all.",
    "Looking forward to it.",
    "OK?",
)


def plant_duplicates(rows: list[Row], rng: random.Random) -> list[Row]:
    """New rows that copy some of `rows`; no row is copied twice, and the originals stay as they are."""
    emails = [row for row in rows if row.task == "email"]
    originals = rng.sample(emails, EXACT + NORMALISED + NEAR + DECOYS)
    makers = [_exact] * EXACT + [_normalised] * NORMALISED + [_near] * NEAR + [_decoy] * DECOYS
    return [make(original, rng) for original, make in zip(originals, makers, strict=True)]


def _copy(original: Row, rng: random.Random) -> Row:
    """The same messages, exported once more: other source, time and region."""
    copy = deepcopy(original)
    copy.columns = {**draw_columns(rng), "audience": original.columns["audience"]}
    copy.partner = original
    return copy


def _exact(original: Row, rng: random.Random) -> Row:
    copy = _copy(original, rng)
    copy.plants.append({"kind": "exact_duplicate", "what": "the same messages"})
    return copy


def _normalised(original: Row, rng: random.Random) -> Row:
    copy = _copy(original, rng)
    copy.user = copy.user.upper() if rng.random() < 0.5 else f" {copy.user.replace(' ', '  ')} "
    copy.answer = copy.answer.replace("\n", " \n") if rng.random() < 0.5 else copy.answer.lower()
    copy.plants.append({"kind": "exact_duplicate", "what": "the same but for case and white space"})
    return copy


def _near(original: Row, rng: random.Random) -> Row:
    """An edited copy: prompt, answer and whole text each share at least NEAR_FROM of their word 5-grams."""
    for _ in range(5000):
        copy = _copy(original, rng)
        copy.user = _edited(original.user, rng.randrange(0, 3), rng)
        copy.answer = _edited(original.answer, rng.randrange(0, 3), rng)
        if copy.text == original.text:
            continue
        parts = ((copy.prompt, original.prompt), (copy.answer, original.answer), (copy.text, original.text))
        least = min(min(jaccard(a, b), jaccard_spaced(a, b)) for a, b in parts)
        whole = jaccard(copy.text, original.text)
        # A copy may differ in punctuation only, and then it is a normalised one.
        if least >= NEAR_FROM and whole <= NEAR_TO:
            copy.plants.append(
                {"kind": "near_duplicate", "what": "a few words changed", "jaccard": round(whole, 4)}
            )
            return copy
    raise RuntimeError("no edited copy found inside the wanted similarity")


def _decoy(original: Row, rng: random.Random) -> Row:
    """A copy edited so much that it is a row of its own, though it looks alike."""
    for _ in range(5000):
        copy = _copy(original, rng)
        copy.user = _edited(original.user, rng.randrange(1, 4), rng)
        copy.answer = _edited(original.answer, rng.randrange(2, 5), rng)
        whole = jaccard(copy.text, original.text)
        most = max(
            min(jaccard(copy.prompt, original.prompt), jaccard(copy.answer, original.answer)),
            min(jaccard_spaced(copy.prompt, original.prompt), jaccard_spaced(copy.answer, original.answer)),
        )
        if DECOY_FROM <= whole <= DECOY_TO and most <= DECOY_TO:
            copy.plants.append(
                {"kind": "decoy", "what": "alike, below the threshold", "jaccard": round(whole, 4)}
            )
            return copy
    raise RuntimeError("no decoy found inside the wanted similarity")


def _edited(text: str, edits: int, rng: random.Random) -> str:
    """`text` with words put in, or an ending added; lines stay lines."""
    lines = text.split("\n")
    for _ in range(edits):
        if rng.random() < 0.25:
            lines[-1] = f"{lines[-1]} {rng.choice(ENDINGS)}"
            continue
        place = rng.randrange(len(lines))
        words = lines[place].split(" ")
        words.insert(rng.randrange(1, len(words) + 1), rng.choice(FILLERS))
        lines[place] = " ".join(words)
    return "\n".join(lines)
