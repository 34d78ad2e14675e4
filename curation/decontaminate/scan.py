"""The compiled scans of one batch: which evaluation items do its messages hold, and how much of each?

Each scan takes the messages' word hashes (`hashes`, with `starts`, from `kernels.hash_words`; messages of a
record lie together) and appends to a `Findings` array from row `n`; rows beyond its capacity are counted and
not written, so that the caller can make room and scan again. It returns the new `n`.

This module imports numba: import it where it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.decontaminate.kernels import FACTOR, Hashes, Ints, compiled, lookup, mix

EQUAL, CONTAINED, NEAR, OVERLAP = 0, 1, 2, 3

# Columns: number of the message, number of the item, rule (one of the above but NEAR, which is not looked for here),
# fraction of the item found.
Findings = NDArray[np.float64]


def scan(
    hashes: Hashes,
    starts: Ints,
    wholes: Hashes,
    record_of: Ints,
    index: Any,
    widths: tuple[int, int],
    low: float,
) -> Findings:
    """All findings of a batch, in no particular order.

    index    an `index.Index`; `widths` are the words in its anchor windows and in its n-grams
    low      smallest fraction of an item's n-grams that counts as an overlap
    """
    capacity = 4 * len(wholes) + 1024
    while True:
        found = np.empty((capacity, 4), dtype=np.float64)
        n = find_equal(wholes, index.equal, found, 0)
        n = find_contained(hashes, starts, index.anchor, index.item_words, widths[0], found, n)
        n = find_overlaps(hashes, starts, record_of, index.gram, widths[1], low, found, n)
        if n <= capacity:
            return found[:n]
        capacity = n


def _put(found: Findings, n: int, message: int, item: int, rule: int, score: float) -> int:
    if n < len(found):
        found[n, 0] = message
        found[n, 1] = item
        found[n, 2] = rule
        found[n, 3] = score
    return n + 1


put = compiled(_put)


def _power(width: int) -> np.uint64:
    power = np.uint64(1)
    for _ in range(width):
        power *= FACTOR
    return power


power_of = compiled(_power)


def _find_equal(wholes: Hashes, equal: Any, found: Findings, n: int) -> int:
    """Messages whose letters and digits are all those of an item. `equal`: table, (keys,) item."""
    table, item_of = equal
    for message in range(len(wholes)):
        key = lookup(wholes[message], table[0], table[1], table[2])
        if key >= 0:
            n = put(found, n, message, item_of[key], EQUAL, 1.0)
    return n


find_equal = compiled(_find_equal)


def _is_at(words: Hashes, hashes: Hashes, begin: int) -> bool:
    """Whether `words` stand in `hashes` from `begin` on."""
    for w in range(len(words)):  # noqa: SIM110 (numba compiles no generators)
        if words[w] != hashes[begin + w]:
            return False
    return True


is_at = compiled(_is_at)


def _find_contained(
    hashes: Hashes, starts: Ints, anchor: Any, item_words: Any, width: int, found: Findings, n: int
) -> int:
    """Messages that have all words of an item in a row.

    anchor       table of window hashes, (keys + 1,) offsets, (entries,) item, (entries,) where in the item
    item_words   word hashes of all items, (items + 1,) offsets
    """
    table, offsets, item_of, place = anchor
    words, bounds = item_words
    power = power_of(width)
    last_message = np.full(len(bounds), -1, dtype=np.int64)  # the last message known to contain the item
    for message in range(len(starts) - 1):
        first, stop = starts[message], starts[message + 1]
        rolling = np.uint64(0)
        for i in range(first, stop):
            rolling = rolling * FACTOR + hashes[i]
            if i - first >= width:
                rolling -= hashes[i - width] * power
            if i - first < width - 1:
                continue
            key = lookup(mix(rolling), table[0], table[1], table[2])
            if key < 0:
                continue
            for entry in range(offsets[key], offsets[key + 1]):
                item = item_of[entry]
                begin = i - width + 1 - place[entry]
                fits = begin >= first and begin + bounds[item + 1] - bounds[item] <= stop
                if not fits or last_message[item] == message:
                    continue
                if is_at(words[bounds[item] : bounds[item + 1]], hashes, begin):
                    last_message[item] = message
                    n = put(found, n, message, item, CONTAINED, 1.0)
    return n


find_contained = compiled(_find_contained)


def _find_overlaps(
    hashes: Hashes, starts: Ints, record_of: Ints, gram: Any, width: int, low: float, found: Findings, n: int
) -> int:
    """Records that hold at least the fraction `low` of an item's distinct n-grams, over all their messages.

    record_of   (messages,) the number of each message's record
    gram        table of n-gram hashes, (keys + 1,) offsets, (entries,) item, (items,) n-grams an item has

    The message that a finding names is the record's last one.
    """
    table, offsets, item_of, grams_an_item = gram
    power = power_of(width)
    count = np.zeros(len(grams_an_item), dtype=np.int64)
    touched = np.empty(len(grams_an_item), dtype=np.int64)
    last_record = np.full(len(offsets), -1, dtype=np.int64)  # the last record that held the n-gram
    n_touched = 0
    messages = len(starts) - 1
    for message in range(messages):
        first, record = starts[message], record_of[message]
        rolling = np.uint64(0)
        for i in range(first, starts[message + 1]):
            rolling = rolling * FACTOR + hashes[i]
            if i - first >= width:
                rolling -= hashes[i - width] * power
            if i - first < width - 1:
                continue
            key = lookup(mix(rolling), table[0], table[1], table[2])
            if key < 0 or last_record[key] == record:
                continue
            last_record[key] = record
            for entry in range(offsets[key], offsets[key + 1]):
                item = item_of[entry]
                if count[item] == 0:
                    touched[n_touched] = item
                    n_touched += 1
                count[item] += 1
        if message + 1 == messages or record_of[message + 1] != record:
            for t in range(n_touched):
                item = touched[t]
                fraction = count[item] / grams_an_item[item]
                count[item] = 0
                if fraction >= low:
                    n = put(found, n, message, item, OVERLAP, fraction)
            n_touched = 0
    return n


find_overlaps = compiled(_find_overlaps)
