"""Pairs of a new text and an old or another new one at or above the threshold, none missed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curation.dedup.exact_join import join_texts
from curation.dedup.record_texts import RecordTexts
from curation.dedup.shingle_sets import shingle_sets
from curation.split.config import SplitConfig
from curation.split.sketch import HEAD, Sketches, comparing
from data.records import Records


class Nearby(NamedTuple):
    """Pairs by row numbers: first of `old`, then of `new` counted on from there; left < right."""

    left: np.ndarray
    right: np.ndarray


def nearby(
    old: Records, new: Records, sketched: tuple[Sketches, Sketches], config: SplitConfig, *, spanning: bool
) -> Nearby:
    """All pairs with a new text in them. With `spanning` of the pairs of two new texts only a spanning forest.

    Candidates come from the sketches, and are compared by their texts; new texts among themselves by the exact join.
    """
    of_old, of_new = sketched
    left, right = _candidates(of_old, of_new, config.threshold)
    texts = RecordTexts([old, new], ("text",), [of_old.ids, of_new.ids])
    wanted = np.zeros(len(of_old) + len(of_new), np.bool_)
    wanted[left] = wanted[len(of_old) + right] = True
    sets = shingle_sets(texts, wanted, comparing(config))
    near = sets.scores(left, len(of_old) + right) >= config.threshold
    among = join_texts(
        RecordTexts([new], ("text",)), len(of_new), config.threshold, config.ngram_words, spanning=spanning
    )
    return Nearby(
        np.concatenate([left[near], len(of_old) + among.left]),
        np.concatenate([len(of_old) + right[near], len(of_old) + among.right]),
    )


def _candidates(old: Sketches, new: Sketches, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers in `old` and in `new` of pairs that may reach the threshold."""
    from curation.split.kernel import candidates

    first = np.diff(new.start) - HEAD
    owner = np.repeat(np.arange(len(new), dtype=np.int32), first)
    place = (np.arange(len(owner)) - np.repeat(np.cumsum(first) - first, first)).astype(np.int32)
    token = new.words[np.repeat(new.start[:-1] + HEAD, first) + place]
    order = np.argsort(token, kind="stable")
    tokens, begins = np.unique(token[order], return_index=True)
    bounds = np.append(begins, len(order)).astype(np.int64)
    # 16 bytes a token: one in sixteen of the others is looked for in vain.
    marked = np.zeros(1 << min(26, max(10, (16 * len(tokens)).bit_length())), np.uint8)
    marked[tokens & np.uint32(len(marked) - 1)] = 1
    given = (old.words, old.start, new.words, new.start, tokens, bounds, owner[order], place[order], marked)
    room = 4 * (len(old) + len(new)) + 1024
    while True:
        left, right = np.empty(room, np.int32), np.empty(room, np.int32)
        found = candidates(*given, threshold, left, right)
        if found <= room:
            return left[:found].astype(np.int64), right[:found].astype(np.int64)
        room = found
