"""Pairs of a new text and an old or another new one at or above the threshold, none missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl

from curation.dedup.canonical import Columns, Texts, marked
from curation.dedup.exact_join import join_texts
from curation.dedup.record_texts import RecordTexts
from curation.dedup.shingle_sets import shingle_sets
from curation.split.config import SplitConfig
from curation.split.sketch import HEAD, Sketches, comparing
from data.records import Records

# So many texts are held at once.
HELD = 50_000


@dataclass(frozen=True, slots=True)
class Nearby:
    """Pairs by row numbers in `ids`: the old records first that were picked, then the new ones; left < right.

    Old are those that may be like a new one or, where asked for, have its prompt.
    """

    old: Sketches
    new: Sketches
    left: np.ndarray
    right: np.ndarray

    @property
    def ids(self) -> pl.Series:
        """The records' ids."""
        return pl.concat([self.old.ids, self.new.ids])

    @property
    def pairs(self) -> pl.DataFrame:
        """The pairs by ids: a and b."""
        return pl.DataFrame({"a": self.ids.gather(self.left), "b": self.ids.gather(self.right)})


def nearby(old: Records, new: Records, config: SplitConfig, *, prompts: bool = False) -> Nearby | None:
    """All pairs with a new text in them.

    Candidates come from the sketches, and are compared by their texts; new texts among themselves by the exact join.
    With `prompts` old records with the prompt of a new one are among `old` too. None where not all texts have a sketch.
    """
    if not old.sketched or not new.sketched:
        return None
    of_new = Sketches.of(new.sketches())
    postings = Postings.of(of_new)
    asked = np.setdiff1d(of_new.prompts, np.zeros(1, np.uint64)) if prompts else np.empty(0, np.uint64)

    def pick(data: pl.Series) -> np.ndarray:
        met = Sketches.of(pl.DataFrame({"record_id": data, "data": data}))
        picked: np.ndarray = np.isin(met.prompts, asked)
        picked[postings.candidates(met, config.threshold)[0]] = True
        return picked

    of_old = Sketches.of(old.sketches(pick))
    left, right = postings.candidates(of_old, config.threshold)
    compared = np.unique(left)
    of_met = _texts(old.among(of_old.ids.gather(compared)))
    of_all_new = _texts(new)
    wanted = np.ones(len(compared) + len(of_new), np.bool_)
    wanted[len(compared) :] = np.isin(np.arange(len(of_new)), right)
    sets = shingle_sets(Both(of_met, of_all_new), wanted, comparing(config))
    near = sets.scores(np.searchsorted(compared, left), len(compared) + right) >= config.threshold
    among = join_texts(of_all_new, len(of_new), config.threshold, config.ngram_words)
    return Nearby(
        of_old,
        of_new,
        np.concatenate([left[near], len(of_old) + among.left]),
        np.concatenate([len(of_old) + right[near], len(of_old) + among.right]),
    )


def _texts(records: Records) -> Texts:
    """The texts of `records` in the order of their ids: held where they are few, so that they are read once."""
    if len(records) > HELD:
        return RecordTexts([records], ("text",))
    return Columns.of(records.frame("record_id", "text").collect()["text"])


@dataclass(frozen=True, slots=True)
class Both:
    """Two sets of texts as one."""

    first: Texts
    second: Texts

    def chunks(self) -> Iterator[tuple[pl.Series, ...]]:
        """See `canonical.Texts.chunks`."""
        yield from chain(self.first.chunks(), self.second.chunks())

    def only(self, wanted: np.ndarray) -> Iterator[tuple[pl.Series, ...]]:
        """See `canonical.Texts.only`."""
        yield from marked(self.chunks(), wanted)


@dataclass(frozen=True, slots=True)
class Postings:
    """The first shingles of new texts, by which old ones are met: see `kernel.candidates`."""

    new: Sketches
    marks: np.ndarray
    tokens: np.ndarray
    bounds: np.ndarray
    owner: np.ndarray
    place: np.ndarray
    size: np.ndarray
    marked: np.ndarray
    heads: np.ndarray

    @classmethod
    def of(cls, new: Sketches) -> Postings:
        """Those of `new`."""
        from curation.split.kernel import HEAD_BITS

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
        upper = np.arange((1 << HEAD_BITS) + 1, dtype=np.uint64) << np.uint64(32 - HEAD_BITS)
        heads = np.searchsorted(tokens.astype(np.uint64), upper).astype(np.int32)
        size = new.words[new.start[:-1] + 2].astype(np.int32)
        marks = new.words[new.start[:-1, None] + np.arange(3, HEAD)].view(np.uint64)
        return cls(new, marks, tokens, bounds, owner[order], place[order], size[owner[order]], marked, heads)

    def candidates(self, old: Sketches, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers in `old` and in the new texts of pairs that may reach the threshold."""
        from curation.split.kernel import candidates

        new = self.new
        given = (
            old.words, old.start, self.marks, self.tokens,
            self.bounds, self.owner, self.place, self.size, self.marked, self.heads,
        )  # fmt: skip
        room = 4 * (len(old) + len(new)) + 1024
        while True:
            left, right = np.empty(room, np.int32), np.empty(room, np.int32)
            found = candidates(*given, threshold, left, right)
            if found <= room:
                return left[:found].astype(np.int64), right[:found].astype(np.int64)
            room = found
