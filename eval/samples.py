"""Which items a report shows in full: those that gained most, those that lost most, and some drawn by seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.scores import Scored
from eval.tally import Floats

# A metric that says something of a single item; the first that was measured ranks the items.
RANKING = (
    "rouge_l",
    "token_f1",
    "chrf",
    "rouge_1",
    "rouge_2",
    "rouge_lsum",
    "bleu",
    "exact_match",
    "accuracy",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One item to show: its position in the slice, why it was chosen, and the number that chose it."""

    position: int
    why: str
    value: float | None


def ranking(scored: Scored) -> tuple[str, Floats] | None:
    """The metric that ranks items, and each item's gain (second role less first), or its score with one role.

    None where no metric of texts was measured.
    """
    role = scored.pair[1] if scored.pair else scored.roles[-1]
    metric = next((name for name in RANKING if name in scored.tallies[role]), None)
    if metric is None:
        return None
    values = scored.tallies[role][metric].items
    return metric, values - scored.tallies[scored.pair[0]][metric].items if scored.pair else values


def choose(scored: Scored, count: int, seed: int) -> list[Sample]:
    """`count` items of each kind, none twice: most lost first, then most gained, then drawn by `seed`."""
    ranked = ranking(scored)
    everything = range(len(scored.slice.items))
    if ranked is None:
        return [Sample(n, "drawn by seed", None) for n in _draw(everything, count, seed)]
    _, values = ranked
    order = [int(n) for n in np.argsort(values, kind="stable")]
    low, high = ("lost most", "gained most") if scored.pair else ("lowest", "highest")
    lost = [n for n in order if not scored.pair or values[n] < 0][:count]
    gained = [n for n in order[::-1] if (not scored.pair or values[n] > 0) and n not in lost][:count]
    rest = [n for n in everything if n not in lost and n not in gained]
    chosen = [(n, low) for n in lost] + [(n, high) for n in gained]
    chosen += [(n, "drawn by seed") for n in _draw(rest, count, seed)]
    return [Sample(n, why, float(values[n])) for n, why in chosen]


def _draw(positions: Sequence[int], count: int, seed: int) -> list[int]:
    return sorted(random.Random(seed).sample(list(positions), min(count, len(positions))))
