"""The compiled inner loops of decontamination: hash words, look windows of words up.

Strings come as Arrow buffers: `data` (uint8, UTF-8 bytes of all strings) and `offsets` (int64, one more than
strings). Hashes are uint64, of polynomials mod 2^64 over mixed word hashes; two different windows among
10^8 looked up and 10^6 stored ones share one with probability below 10^-5.

This module imports numba: import it where it is used.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from curation.decontaminate.words import ALONE, SEPARATOR, SKIPPED

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
compiled: Any = numba.njit(cache=True, nogil=True)

FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd; of the window polynomial
FREE = np.int64(-1)


def _mix(value: np.uint64) -> np.uint64:
    """The finaliser of splitmix64: every input bit reaches every output bit."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


mix = compiled(_mix)


def _hash_words(
    data: NDArray[np.uint8], offsets: Ints, table: NDArray[np.uint32]
) -> tuple[Hashes, Ints, Hashes, Ints]:
    """(word hashes of all strings, their offsets by string, hash of each string's letters, their number)."""
    strings = len(offsets) - 1
    hashes = np.empty(offsets[-1] - offsets[0] + 1, dtype=np.uint64)
    starts = np.zeros(strings + 1, dtype=np.int64)
    wholes = np.empty(strings, dtype=np.uint64)
    letters = np.zeros(strings, dtype=np.int64)
    n = 0
    for s in range(strings):
        i, end = offsets[s], offsets[s + 1]
        word, length, whole = FNV_START, 0, FNV_START
        while i < end:
            byte = np.uint32(data[i])
            if byte < 0x80:
                code = byte
                i += 1
            elif byte < 0xE0:
                code = (byte & np.uint32(0x1F)) << 6 | np.uint32(data[i + 1]) & np.uint32(0x3F)
                i += 2
            elif byte < 0xF0:
                code = (byte & np.uint32(0x0F)) << 12 | (np.uint32(data[i + 1]) & np.uint32(0x3F)) << 6
                code |= np.uint32(data[i + 2]) & np.uint32(0x3F)
                i += 3
            else:
                code = (byte & np.uint32(0x07)) << 18 | (np.uint32(data[i + 1]) & np.uint32(0x3F)) << 12
                code |= (np.uint32(data[i + 2]) & np.uint32(0x3F)) << 6
                code |= np.uint32(data[i + 3]) & np.uint32(0x3F)
                i += 4
            value = table[code]
            if value == SKIPPED:
                continue
            if length and (value == SEPARATOR or value & np.uint32(ALONE)):
                hashes[n] = mix(word)
                n += 1
                word, length = FNV_START, 0
            if value == SEPARATOR:
                continue
            whole = (whole ^ np.uint64(value)) * FNV_PRIME
            letters[s] += 1
            word = (word ^ np.uint64(value)) * FNV_PRIME
            length = 1
            if value & np.uint32(ALONE):
                hashes[n] = mix(word)
                n += 1
                word, length = FNV_START, 0
        if length:
            hashes[n] = mix(word)
            n += 1
        starts[s + 1] = n
        wholes[s] = mix(whole)
    return hashes[:n].copy(), starts, wholes, letters


hash_words = compiled(_hash_words)


def _windows(hashes: Hashes, start: int, stop: int, width: int) -> Hashes:
    """The hash of each run of `width` words of one string; empty for a shorter string."""
    if stop - start < width:
        return np.empty(0, dtype=np.uint64)
    found = np.empty(stop - start - width + 1, dtype=np.uint64)
    power = np.uint64(1)
    for _ in range(width):
        power *= FACTOR
    value = np.uint64(0)
    for i in range(start, stop):
        value = value * FACTOR + hashes[i]
        if i - start >= width:
            value -= hashes[i - width] * power
        if i - start >= width - 1:
            found[i - start - width + 1] = mix(value)
    return found


windows = compiled(_windows)


def _fill(keys: Hashes, table: Hashes, slots: Ints, filter_bits: NDArray[np.uint8]) -> None:
    """Put distinct `keys` into the open-addressing `table`; `slots` gets each key's index (FREE before)."""
    mask = np.uint64(len(table) - 1)
    bits = np.uint64(len(filter_bits) - 1)
    for index in range(len(keys)):
        key = keys[index]
        filter_bits[(key >> np.uint64(40)) & bits] = 1
        at = key & mask
        while slots[at] != FREE:
            at = (at + np.uint64(1)) & mask
        table[at] = key
        slots[at] = index


fill = compiled(_fill)


def _lookup(key: np.uint64, table: Hashes, slots: Ints, filter_bits: NDArray[np.uint8]) -> int:
    """The index of `key`, or FREE. The filter (a byte a bucket, small enough for the cache) answers most."""
    if filter_bits[(key >> np.uint64(40)) & np.uint64(len(filter_bits) - 1)] == 0:
        return -1
    mask = np.uint64(len(table) - 1)
    at = key & mask
    while slots[at] != FREE:
        if table[at] == key:
            return int(slots[at])
        at = (at + np.uint64(1)) & mask
    return -1


lookup = compiled(_lookup)
