"""Where spaCy's parser begins sentences: the same weights and the same greedy decisions, as far as they are wanted.

The parse itself is not kept. `kernels.sentence_starts` steps through the states that the parser would step through, and
stops at the first end of a sentence behind the last place that is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pii.encoder import Floats, matrix
from curation.pii.kernels import BREAK, LEFT, REDUCE, RIGHT, SHIFT, sentence_starts

KINDS = {"S": SHIFT, "D": REDUCE, "L": LEFT, "R": RIGHT, "B": BREAK}
PLACES = 8  # tokens that a state looks at


class SentenceStarts:
    """A dependency parser, read. AttributeError, KeyError or ValueError where it is built in another way."""

    def __init__(self, parser: Any) -> None:
        model = parser.model
        linear = model.get_ref("tok2vec").layers[-1]
        self._weight, self._bias = np.ascontiguousarray(linear.get_param("W").T), linear.get_param("b")
        lower, upper = model.get_ref("lower"), model.get_ref("upper")
        weight, padding, bias = (
            lower.get_param(name) for name in ("W", "pad", "b")
        )  # W: (place, out, piece, in)
        names = [parser.moves.get_class_name(i) for i in range(parser.moves.n_moves)]
        if weight.shape[0] != PLACES or weight.shape[2] != 2 or parser.cfg["beam_width"] != 1:
            raise ValueError("another parser")
        if model.attrs["unseen_classes"] or any(name.endswith("-subtok") for name in names):
            raise ValueError("other actions")
        self._lower = np.hstack([matrix(w.transpose(1, 0, 2)) for w in weight])
        self._padding = np.ascontiguousarray(padding[0].transpose(0, 2, 1)).reshape(PLACES, -1)
        self._lower_bias = np.ascontiguousarray(bias.T).reshape(-1)
        self._upper = np.ascontiguousarray(upper.get_param("W").T)
        self._upper_bias = upper.get_param("b")
        self._kinds = np.array([KINDS[name[0]] for name in names], dtype=np.uint8)

    def of(self, vectors: Floats, until: int, *, whole: bool = True) -> NDArray[np.bool_] | None:
        """(tokens) whether a sentence begins at each token of one document, right up to token `until`.

        `vectors` are those of the pipeline's shared `tok2vec`; `whole`: of all tokens. None where more are needed.
        """
        features = (vectors @ self._weight + self._bias) @ self._lower
        shape = (len(vectors), PLACES, len(self._lower_bias))
        starts = np.zeros(len(vectors), dtype=np.bool_)
        weights = (self._padding, self._lower_bias, self._upper, self._upper_bias)
        enough = sentence_starts(features.reshape(shape), *weights, self._kinds, until, whole, starts)
        return starts if enough else None
