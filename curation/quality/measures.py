"""Compiled measures of texts: words, and how much of a text repeats itself.

The repetition measures are those of Rae et al. 2021 (Gopher), table A1. A word is a run of bytes above space;
lengths are counted in UTF-8 bytes, which for a fraction of a text comes to the same as characters.

This module imports numba: import it where it is used.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

compiled: Any = numba.njit(cache=True, nogil=True)

# Columns of the matrix that `measure` fills.
MEASURES = (
    "words",             # number of words
    "word_chars",        # characters of all words
    "letter_words",      # words that hold a letter (or any character beyond ASCII)
    "english_words",     # words that are among the most common English ones
    "lines",             # lines that are not blank
    "line_fraction",     # fraction of lines that stood before
    "line_chars",        # fraction of characters in them
    "paragraph_fraction",  # the same for paragraphs (parted by blank lines)
    "paragraph_chars",
    "top_2", "top_3", "top_4",  # fraction of characters in the most frequent 2-, 3-, 4-gram of words
    "repeat_5", "repeat_6", "repeat_7", "repeat_8", "repeat_9", "repeat_10",  # fraction in n-grams seen before
)  # fmt: skip

_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


# Common in nearly every English text; of another language's words only few are spelled like one of them.
_ENGLISH = (
    "the and to that for it with be by are this at from you not have or which but can they will your has all their a"
    " been there if more when who what would about were one my she her his how than then these some into its them of"
    " could should also because each it's get make does in is was on as he do i up out many much had did"
)


def measures(texts: pl.Series, is_document: pl.Series) -> pl.DataFrame:
    """MEASURES of each text (no nulls), one float column each.

    The measures from `top_2` to `repeat_9` are made of documents only (0 for others): they are costly.
    """
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    table = np.zeros((len(array), len(MEASURES)), dtype=np.float64)
    english = _bitmap([form for word in _ENGLISH.split() for form in (word, word.capitalize())])
    text = np.frombuffer(data if data is not None else b"", dtype=np.uint8)
    measure(text, bounds, is_document.to_numpy(), english, table)
    return pl.DataFrame(np.ascontiguousarray(table), schema=list(MEASURES))


def _bitmap(words: list[str]) -> NDArray[np.bool_]:
    """(65,536,) whether a word with these last 16 bits of hash is one of `words`; wrong for 1 word in 500."""
    data = np.frombuffer(" ".join(words).encode(), dtype=np.uint8)
    units = [(np.empty(len(data), dtype=np.uint64), np.empty(len(data), dtype=np.int64)) for _ in range(3)]
    n = split(data, 0, len(data), *units)[0]
    found = np.zeros(1 << 16, dtype=np.bool_)
    found[(units[0][0][:n] & np.uint64(0xFFFF)).astype(np.int64)] = True
    return found


def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


mix = compiled(_mix)


def _split(
    data: NDArray[np.uint8], start: int, stop: int, words: Any, lines: Any, paragraphs: Any
) -> tuple[int, int, int, int]:
    """Hash and length of each word, line and paragraph of one text: three pairs of (hashes, lengths) filled.

    Returns the numbers of words, lines, paragraphs, and of words that hold a letter.

    Lines are compared without the space around them and between their words; blank lines are left out.
    """
    n_words = n_lines = n_paragraphs = n_letters = 0
    has_letter = False
    word, word_length = _FNV_START, 0
    line, line_length = _FNV_START, 0
    paragraph, paragraph_length = _FNV_START, 0
    for i in range(start, stop + 1):
        byte = data[i] if i < stop else np.uint8(10)
        if byte > 32:
            word = (word ^ np.uint64(byte)) * _FNV_PRIME
            word_length += 1
            has_letter = has_letter or bool(byte >= 0x80 or 65 <= byte <= 90 or 97 <= byte <= 122)
            continue
        if word_length:
            words[0][n_words], words[1][n_words] = mix(word), word_length
            line = mix(line * _FACTOR + words[0][n_words])
            line_length += word_length
            n_words += 1
            n_letters += has_letter
            has_letter = False
            word, word_length = _FNV_START, 0
        if byte != 10:
            continue
        if line_length:
            lines[0][n_lines], lines[1][n_lines] = line, line_length
            n_lines += 1
            paragraph = mix(paragraph * _FACTOR + line)
            paragraph_length += line_length
        if paragraph_length and (line_length == 0 or i == stop):
            paragraphs[0][n_paragraphs], paragraphs[1][n_paragraphs] = paragraph, paragraph_length
            n_paragraphs += 1
            paragraph, paragraph_length = _FNV_START, 0
        line, line_length = _FNV_START, 0
    return n_words, n_lines, n_paragraphs, n_letters


split = compiled(_split)


def _count(key: np.uint64, keys: Any, stamps: Any, counts: Any, stamp: int) -> int:
    """How often `key` was counted under this `stamp`, this time included (open addressing)."""
    mask = len(keys) - 1
    at = np.int64(key & np.uint64(mask))
    while stamps[at] == stamp and keys[at] != key:
        at = (at + 1) & mask
    if stamps[at] != stamp:
        stamps[at], keys[at], counts[at] = stamp, key, 0
    counts[at] += 1
    return int(counts[at])


count = compiled(_count)


def _repeated(units: Any, n: int, keys: Any, stamps: Any, counts: Any, stamp: int) -> tuple[int, int]:
    """(units that stood before, their length) among the first n of `units` = (hashes, lengths)."""
    again = length = 0
    for i in range(n):
        if count(units[0][i], keys, stamps, counts, stamp) > 1:
            again += 1
            length += units[1][i]
    return again, length


repeated = compiled(_repeated)


def _grams(
    words: Any, n: int, width: int, keys: Any, stamps: Any, counts: Any, stamp: int
) -> tuple[int, int]:
    """(length of all occurrences of the top n-gram, length of the words in n-grams that stood before).

    Words in several repeated n-grams count once. The top n-gram must stand there twice; of equally frequent
    ones the longest counts.
    """
    power = np.uint64(1)
    for _ in range(width):
        power *= _FACTOR
    rolling, length = np.uint64(0), 0
    top_count, top_length = 1, 0
    covered, covered_to = 0, 0
    for i in range(n):
        rolling = rolling * _FACTOR + words[0][i]
        length += words[1][i]
        if i >= width:
            rolling -= words[0][i - width] * power
            length -= words[1][i - width]
        if i < width - 1:
            continue
        times = count(mix(rolling), keys, stamps, counts, stamp)
        if times > 1:
            for w in range(max(covered_to, i - width + 1), i + 1):
                covered += words[1][w]
            covered_to = i + 1
            if times > top_count or (times == top_count and length > top_length):
                top_count, top_length = times, length
    return top_count * top_length, covered


grams = compiled(_grams)


def _measure(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    is_document: NDArray[np.bool_],
    english: NDArray[np.bool_],
    table: NDArray[np.float64],
) -> None:
    """Fill `table` (texts, MEASURES)."""
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    room = longest // 2 + 2
    size = 16
    while size < 2 * room:
        size *= 2
    keys, stamps = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.int64)
    counts = np.zeros(size, dtype=np.int64)
    words = (np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int64))
    lines = (np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int64))
    paragraphs = (np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int64))
    stamp = 0
    for row in range(len(offsets) - 1):
        n, n_lines, n_paragraphs, n_letters = split(
            data, offsets[row], offsets[row + 1], words, lines, paragraphs
        )
        total = known = 0
        for w in range(n):
            total += words[1][w]
            known += english[np.int64(words[0][w] & np.uint64(0xFFFF))]
        table[row, 0], table[row, 1], table[row, 2], table[row, 3], table[row, 4] = (
            n,
            total,
            n_letters,
            known,
            n_lines,
        )
        if total == 0:
            continue
        stamp += 1
        again, length = repeated(lines, n_lines, keys, stamps, counts, stamp)
        table[row, 5], table[row, 6] = again / n_lines, length / total
        stamp += 1
        again, length = repeated(paragraphs, n_paragraphs, keys, stamps, counts, stamp)
        table[row, 7], table[row, 8] = again / n_paragraphs, length / total
        for width in range(2 if is_document[row] else 10, 11):
            stamp += 1
            top, covered = grams(words, n, width, keys, stamps, counts, stamp)
            table[row, 7 + width] = (top if width < 5 else covered) / total


measure = compiled(_measure)
