"""spaCy's token vectors over many documents at once: the same weights, less work.

For a `tok2vec` of hash embeddings (and word vectors, where the model has some) under a window encoder, as the English
models have:

1. the embedding depends on the lexeme alone, and so does what it adds to the first layer of its neighbours and its own:
   both are computed once a lexeme, and kept for the texts that follow;
2. every other layer is one matrix product over all tokens. Documents are set apart by rows of zeros, which is what the
   window of a layer sees beyond a document's end.

Sums are taken in another order than spaCy's, so vectors differ in the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pii.kernels import first_layer, next_layer, rows_of

Floats = NDArray[np.float32]

COLUMNS = ("ORTH", "NORM", "PREFIX", "SUFFIX", "SHAPE", "SPACY", "IS_SPACE")
FEATURES = (["NORM", "PREFIX", "SUFFIX", "SHAPE"], ["NORM", "PREFIX", "SUFFIX", "SHAPE", "SPACY", "IS_SPACE"])
MIX = np.uint64(0x9E3779B97F4A7C15)
PIECES = 3  # of a maxout
KNOWN_LEXEMES = 16_384  # 4 kB each


def table_of(docs: Sequence[Any]) -> NDArray[np.uint64]:
    """(tokens, COLUMNS) of all documents, one after the other."""
    from spacy import attrs

    columns = [getattr(attrs, name) for name in COLUMNS]
    empty = np.zeros((0, len(COLUMNS)), dtype=np.uint64)
    return np.concatenate([empty, *(doc.to_array(columns).reshape(-1, len(COLUMNS)) for doc in docs)])


class Encoder:
    """A `tok2vec`, read. AttributeError, IndexError, KeyError or ValueError where it is built in another way."""

    def __init__(self, tok2vec: Any, vocab: Any) -> None:
        embed, encode = tok2vec.layers
        parts = embed.layers[0].layers
        self._vectors = _WordVectors(vocab, parts[1]) if parts else None
        features = parts[0] if parts else embed
        self._hashes, self._mix = features.layers[2].layers[0], embed.layers[-2].layers[0]
        (columns,) = (w.attrs["columns"] for w in embed.walk() if w.name == "extract_features")
        if list(columns) not in FEATURES:
            raise ValueError("other features")
        self._columns = [COLUMNS.index(name) for name in columns]
        self._layers = [_layer(residual) for residual in encode.layers[0].layers]
        self.width = len(self._layers[0][2])
        self.reach = len(self._layers)  # tokens to either side that a vector depends on
        self._count = 0
        self._slots = np.zeros(0, dtype=np.uint64)
        self._slot_rows = np.zeros(0, dtype=np.int32)
        self._embedded = np.zeros((0, self.width), dtype=np.float32)
        self._products = np.zeros((0, 3 * PIECES * self.width), dtype=np.float32)

    def vectors(self, table: NDArray[np.uint64], lengths: NDArray[np.int_]) -> Floats:
        """(tokens, width) vectors of documents of these lengths, whose tokens are the rows of `table`."""
        gap = self.reach
        rows = np.arange(len(table)) + gap * (1 + np.repeat(np.arange(len(lengths)), lengths))
        size = len(table) + gap * (len(lengths) + 1)
        lexemes = np.full(size, -1, dtype=np.int32)
        lexemes[rows] = self._lexemes(table)
        x = np.empty((size, self.width), dtype=np.float32)
        window = np.empty((size, 3 * self.width), dtype=np.float32)
        window[0, : self.width] = 0
        window[-1, 2 * self.width :] = 0
        _, bias, gain, shift = self._layers[0]
        first_layer(lexemes, self._embedded, self._products, bias, gain, shift, x, window)
        y = np.empty((size, PIECES * self.width), dtype=np.float32)
        for weight, bias, gain, shift in self._layers[1:]:
            np.matmul(window, weight, out=y)
            next_layer(y, bias, gain, shift, x, window)
        vectors: Floats = x[rows]
        return vectors

    def _lexemes(self, table: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The row of each token's lexeme; computes what is not known yet."""
        if self._count + len(table) > len(self._embedded):
            self._make_room(max(len(self._embedded), KNOWN_LEXEMES, 2 * len(table)))
        keys = (table[:, 0] * MIX ^ table[:, 1]) * MIX ^ table[:, 5] << np.uint64(1)
        keys |= np.uint64(1)  # 0 stands for no key
        rows = np.empty(len(table), dtype=np.int32)
        first = np.empty(len(table), dtype=np.int64)
        count = rows_of(keys, self._slots, self._slot_rows, self._count, rows, first)
        if count > self._count:
            new = slice(self._count, count)
            self._embedded[new] = self._embed(table[first[: count - self._count]])
            weight, width = self._layers[0][0], self.width
            for part in range(3):
                block = slice(part * PIECES * width, (part + 1) * PIECES * width)
                self._products[new, block] = self._embedded[new] @ weight[part * width : (part + 1) * width]
            self._count = count
        return rows

    def _embed(self, lexemes: NDArray[np.uint64]) -> Floats:
        embedded = self._hashes.predict(np.ascontiguousarray(lexemes[:, self._columns]))
        if self._vectors:
            embedded = np.hstack([embedded, self._vectors.of(lexemes[:, 0])])
        mixed: Floats = self._mix.predict(embedded)
        return mixed

    def _make_room(self, lexemes: int) -> None:
        """Room for so many lexemes; what was known is forgotten."""
        self._count = 0
        slots = 1 << (2 * lexemes - 1).bit_length()
        self._slots = np.zeros(slots, dtype=np.uint64)
        self._slot_rows = np.zeros(slots, dtype=np.int32)
        self._embedded = np.empty((lexemes, self.width), dtype=np.float32)
        self._products = np.empty((lexemes, 3 * PIECES * self.width), dtype=np.float32)


class _WordVectors:
    """spaCy's layer of the vectors that a vocabulary comes with; an unknown word has the vector 0."""

    def __init__(self, vocab: Any, layer: Any) -> None:
        if layer.name != "static_vectors" or layer.attrs["key_attr"] != "ORTH":
            raise ValueError("another second part of the embedding")
        if str(vocab.vectors.mode) != "default":
            raise ValueError("vectors of another kind")
        self._vectors = vocab.vectors
        self._projected: Floats = vocab.vectors.data @ layer.get_param("W").T

    def of(self, words: NDArray[np.uint64]) -> Floats:
        """(words, width) projected vectors of words given by their hash."""
        rows = np.asarray(self._vectors.find(keys=words))
        vectors: Floats = self._projected[rows]
        vectors[rows < 0] = 0
        return vectors


def _layer(residual: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """Weight (3 * width, pieces * width), bias, and the gain and shift of the layer norm."""
    parts = {part.name: part for part in residual.walk()}
    weight, bias = (parts["maxout"].get_param(name) for name in ("W", "b"))  # (out, piece, in), (out, piece)
    if parts["expand_window"].attrs["window_size"] != 1 or weight.shape[1] != PIECES:
        raise ValueError("another window")
    gain, shift = (parts["layernorm"].get_param(name) for name in ("G", "b"))
    return matrix(weight.transpose(1, 0, 2)), np.ascontiguousarray(bias.T).reshape(-1), gain, shift


def matrix(weight: Floats) -> Floats:
    """(piece, out, in) weights as one (in, piece * out) matrix."""
    return np.ascontiguousarray(weight.reshape(-1, weight.shape[-1]).T)
