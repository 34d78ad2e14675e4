"""Which characters make words: the canonical text, as a table of code points for the kernel.

Canonical text, version 1. NFKC and lower case (Unicode), then words:

* letters, digits, marks and `_` run together to words; anything else separates, as in `\\w+`;
* in scripts written without spaces (Chinese, Japanese kana, Thai, Lao, Khmer, Burmese, Tibetan, ...) each
  character is a word of its own, so that a word n-gram is a character n-gram there;
* format characters (soft hyphen, zero-width joiners, variation selectors) are skipped and break no word;
* an operator of code or arithmetic is a word where it stands between operands; the rule is in `words.is_operator`.

The table holds, for code points below `TABLE_SIZE`, `kind << 24 | folded code point`. Above, the
ideographic planes (U+20000 to U+3FFFF) are words of their own and the rest is skipped.
"""

from __future__ import annotations

import functools
import unicodedata

import numpy as np

CANONICAL_VERSION = 1
TABLE_SIZE = 0x20000

SEPARATOR, WORD, ALONE, SKIPPED, OPERATOR, NEWLINE = range(6)
OPERATORS = "+*=<>^|&/%!~-"

# Unicode blocks of the scripts that put no space between words (first, last).
SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FDF),  # CJK radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x303C),
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana extensions
    (0x3400, 0x4DBF),  # CJK unified ideographs, extension A
    (0x4E00, 0x9FFF),
    (0xA980, 0xA9DF),  # Javanese
    (0xA9E0, 0xA9FF),  # Myanmar extended
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana supplements, Nushu
)


def kind_of(character: str) -> int:
    """The kind of one character of a text that is in NFKC and lower case."""
    code = ord(character)
    if character in "\n\r":
        return NEWLINE
    if character in OPERATORS:
        return OPERATOR
    category = unicodedata.category(character)
    if category == "Cf" or 0xFE00 <= code <= 0xFE0F:
        return SKIPPED
    if category[0] in "LMN" or character == "_":
        spaceless = any(first <= code <= last for first, last in SPACELESS)
        return ALONE if spaceless else WORD
    return SEPARATOR


@functools.cache
def table() -> np.ndarray:
    """uint32[TABLE_SIZE]: kind << 24 | code point, ASCII capitals folded; see the module docstring."""
    codes = np.array([kind_of(chr(code)) << 24 | code for code in range(TABLE_SIZE)], dtype=np.uint32)
    codes[ord("A") : ord("Z") + 1] += 32
    codes.flags.writeable = False
    return codes
