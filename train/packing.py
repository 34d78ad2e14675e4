"""Rows laid end to end instead of padded: no computation is spent on padding.

A packed batch is one sequence. Positions start again at every row, attention stays within a row (`train.attention`),
and the output head is computed for the positions whose next token carries loss and for no others. The loss and the
gradients are those of the padded batch of the same rows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

IGNORED = -100  # label of a token that carries no loss
NOT_FOR_THE_MODEL = ("labels", "targets", "tokens")  # what a packed batch holds besides the model's inputs
# Packs that are open at a time: more fill better, fewer keep the order of the rows closer to the drawn one.
_OPEN = 64


def collate(rows: Sequence[dict[str, Any]], pad_to: int | None = None, pad_id: int = 0) -> dict[str, Any]:
    """One packed batch of `rows` (dicts with `input_ids` and `labels`, lists of equal length).

    Keys, T tokens in all: input_ids, labels, position_ids (1, T); cu_seq_lens_q, cu_seq_lens_k (rows + 1,) int32;
    max_length_q, max_length_k: tokens of the longest row; logits_to_keep, targets (n,): the positions whose next token
    carries loss, and those tokens; tokens: the number of tokens of `rows`.
    `pad_to`: T is made this long by rows of `pad_id` without loss, so that compiled code meets one shape only.
    """
    import torch

    lengths = [len(row["input_ids"]) for row in rows]
    longest = max(lengths)
    tokens = sum(lengths)
    if pad_to is not None and tokens < pad_to:
        missing = pad_to - tokens
        lengths += [longest] * (missing // longest) + [missing % longest] * bool(missing % longest)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.full(starts[-1], pad_id, np.int64)
    labels = np.full(starts[-1], IGNORED, np.int64)
    ids[:tokens] = np.concatenate([np.asarray(row["input_ids"]) for row in rows])
    labels[:tokens] = np.concatenate([np.asarray(row["labels"]) for row in rows])
    # The first token of a row is predicted from nothing.
    labels[starts[: len(rows)]] = IGNORED
    positions = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    kept = np.flatnonzero(labels[1:] != IGNORED)
    where = torch.from_numpy(starts.astype(np.int32))
    return {
        "input_ids": torch.from_numpy(ids)[None],
        "labels": torch.from_numpy(labels)[None],
        "position_ids": torch.from_numpy(positions)[None],
        "cu_seq_lens_q": where,
        "cu_seq_lens_k": where,
        "max_length_q": longest,
        "max_length_k": longest,
        "logits_to_keep": torch.from_numpy(kept),
        "targets": torch.from_numpy(labels[kept + 1]),
        "tokens": tokens,
    }


def row_lengths(dataset: Any) -> Any:
    """Tokens of each row of a dataset with `input_ids`."""
    import pyarrow.compute as pc

    return pc.list_value_length(dataset.with_format("arrow")[:]["input_ids"]).to_numpy()


class PackedBatches:
    """Batches of row numbers that hold up to `budget` tokens each, drawn anew every epoch.

    Rows come in a random order and each goes into the fullest of the open packs that still has room for it (best fit);
    with rows far shorter than the budget next to nothing stays empty. A row that is longer than the budget is a pack by
    itself. With several processes each takes its share of the packs, all the same number.
    """

    def __init__(
        self, lengths: Sequence[int], budget: int, *, seed: int = 0, process: int = 0, processes: int = 1
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.budget = budget
        self.batch_size: int | None = None
        self.drop_last = False
        self._seed, self._process, self._processes = seed, process, processes
        self._epoch = 0
        self._plan: tuple[int, list[list[int]]] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of this epoch from now on."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._packs()) // self._processes

    def __iter__(self) -> Iterator[list[int]]:
        packs = self._packs()
        yield from packs[self._process :: self._processes][: len(self)]

    @property
    def fill(self) -> float:
        """Share of the budget that holds tokens, 0 to 1."""
        return float(self.lengths.sum()) / (len(self._packs()) * self.budget)

    def _packs(self) -> list[list[int]]:
        if self._plan is None or self._plan[0] != self._epoch:
            order = np.random.default_rng([self._seed, self._epoch]).permutation(len(self.lengths))
            self._plan = (self._epoch, best_fit(order.tolist(), self.lengths, self.budget))
        return self._plan[1]


def best_fit(order: Sequence[int], lengths: Any, budget: int) -> list[list[int]]:
    """Row numbers, taken in `order`, in packs of at most `budget` tokens (a longer row is alone in its pack)."""
    done: list[list[int]] = []
    waiting: list[tuple[int, int]] = []  # (room, number of the pack), by room
    packs: dict[int, list[int]] = {}
    opened = 0
    for row in order:
        length = int(lengths[row])
        at = bisect_left(waiting, (length, -1))
        if at < len(waiting):
            room, number = waiting.pop(at)
        else:
            room, number = max(budget, length), opened
            opened += 1
            packs[number] = []
        packs[number].append(row)
        insort(waiting, (room - length, number))
        if len(waiting) > _OPEN or waiting[0][0] == 0:  # the fullest one is closed
            done.append(packs.pop(waiting.pop(0)[1]))
    return done + [packs[number] for number in sorted(packs)]
