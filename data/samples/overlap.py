"""How much two texts share, counted exactly and for planting only.

Jaccard of the sets of word 5-grams: |A and B| / |A or B|. Written apart from the detectors on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

WIDTH = 5


def five_grams(words: Sequence[str]) -> set[tuple[str, ...]]:
    """The distinct runs of five words; a shorter text is one run."""
    if len(words) < WIDTH:
        return {tuple(words)}
    return {tuple(words[start : start + WIDTH]) for start in range(len(words) - WIDTH + 1)}


def alphanumeric_words(text: str) -> list[str]:
    """Lower-case runs of letters, digits and underscores; punctuation splits words."""
    return re.findall(r"\w+", text.lower())


def spaced_words(text: str) -> list[str]:
    """Lower-case words as blanks separate them, punctuation included."""
    return text.lower().split()


def jaccard(one: str, other: str) -> float:
    """Word 5-gram Jaccard over alphanumeric words, from 0 to 1; the figure that the sidecar states."""
    return _ratio(five_grams(alphanumeric_words(one)), five_grams(alphanumeric_words(other)))


def jaccard_spaced(one: str, other: str) -> float:
    """The same over blank-separated words: a planted pair must hold under either reading of "word"."""
    return _ratio(five_grams(spaced_words(one)), five_grams(spaced_words(other)))


def _ratio(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    return len(left & right) / len(left | right)
