"""Words as decontamination compares them: lower case, letters and digits, nothing else.

Brown et al. 2020, appendix C, compare lower-cased words without punctuation. A character is folded so:

    letter, digit   NFKD without its marks where one character remains (É -> e, Ｆ -> f), in lower case
    apostrophe      left out, so that don't, don’t and dont are one word
    mark            left out (combining accents), like the zero-width characters
    all others      end the word

A character of a script without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is a word of its own.
"""

from __future__ import annotations

import functools
import sys
import unicodedata

import numpy as np
from numpy.typing import NDArray

SEPARATOR, SKIPPED = 0, 1
ALONE = 1 << 31  # flag: this character is a word
_APOSTROPHES = "'’ʼ＇`´"
_ZERO_WIDTH = "\u200b‌‍⁠﻿­"
_ALONE_RANGES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF),  # Thai and Lao, Burmese, Khmer
    (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),  # kana, ideographs
    (0x20000, 0x3FFFF),
)  # fmt: skip


@functools.cache
def folding() -> NDArray[np.uint32]:
    """For each code point, what it counts as: SEPARATOR, SKIPPED, or a folded code point (ALONE set or not)."""
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint32)
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if character.isalnum():
            table[code] = ord(_folded(character))
        elif unicodedata.category(character) in ("Mn", "Mc", "Me"):
            table[code] = SKIPPED
    for character in _APOSTROPHES + _ZERO_WIDTH:
        table[ord(character)] = SKIPPED
    for low, high in _ALONE_RANGES:
        block = table[low : high + 1]
        block[block > SKIPPED] |= ALONE
    return table


def _folded(character: str) -> str:
    parts = [c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)]
    base = parts[0] if len(parts) == 1 and parts[0].isalnum() else character
    return base.lower()[0]


def words(text: str) -> list[str]:
    """The words of `text`, in plain Python: what the kernels hash, for reading and for tests."""
    table = folding()
    found: list[str] = []
    current: list[str] = []
    for character in text + " ":
        value = int(table[ord(character)])
        if value == SKIPPED:
            continue
        if value == SEPARATOR or value & ALONE:
            if current:
                found.append("".join(current))
                current = []
            if value & ALONE:
                found.append(chr(value & ~ALONE))
        else:
            current.append(chr(value))
    return found
