"""spaCy's named-entity pipe over many documents at once: the same weights, the same greedy decisions.

spaCy steps through every token of every document in turn. Here, for the small and medium English models (hash
embedding, window encoder of depth n, transition parser with the states Begin, In, Last, Unit, Out):

1. the embedding (and the word vector, where the model has some) depends on the lexeme alone, so each distinct lexeme
   of a batch is embedded once;
2. each encoder layer is one matrix product over all tokens of the batch (documents are set apart by zero rows, which
   is what the window of a layer sees beyond a document's end);
3. outside an entity the parser's state is the current token alone, so one product scores every token; only inside an
   entity are states stepped, all open entities of the batch together.

Rules on valid actions: spacy/pipeline/_parser_internals/ner.pyx. Sentence boundaries, which also limit them, are the
caller's matter (`fast.FastAnalyzer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Span = tuple[str, int, int]  # label, first token, one past the last token

IMPOSSIBLE = np.float32(-1e9)
EPSILON = np.float32(1e-8)  # thinc's layer norm
GROUP_TOKENS = 4_000  # matrices that stay in the processor's cache
MIX = np.uint64(0x9E3779B97F4A7C15)


class BatchedNer:
    """Entities of spaCy documents. ValueError where the pipe is not built as described above."""

    def __init__(self, nlp: Any) -> None:
        try:
            pipe = nlp.get_pipe("ner")
            self._read_encoder(pipe.model.get_ref("tok2vec"), nlp.vocab)
            self._read_parser(pipe)
        except (AttributeError, IndexError, KeyError, ValueError) as error:
            raise ValueError("not a named-entity pipe of the known shape") from error

    def _read_encoder(self, tok2vec: Any, vocab: Any) -> None:
        embed, encode = tok2vec.layers[0].layers
        self._vectors = _WordVectors(vocab, embed.layers[0].layers[1]) if embed.layers[0].layers else None
        hashes = embed.layers[0].layers[0] if self._vectors else embed
        self._hashes, self._mix = hashes.layers[2].layers[0], embed.layers[-2].layers[0]
        if [w.attrs.get("columns") for w in embed.walk() if w.name == "extract_features"] != [
            ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
        ]:
            raise ValueError("other features")
        self._layers: list[tuple[Floats, Floats, Floats, Floats]] = []
        for residual in encode.layers[0].layers:
            parts = {part.name: part for part in residual.walk()}
            if parts["expand_window"].attrs["window_size"] != 1:
                raise ValueError("another window")
            weight, bias = (
                parts["maxout"].get_param(name) for name in ("W", "b")
            )  # (out, piece, in), (out, piece)
            gain, shift = (parts["layernorm"].get_param(name) for name in ("G", "b"))
            self._layers.append((_matrix(weight.transpose(1, 0, 2)), bias.T.reshape(-1), gain, shift))
        self._width, self._pieces = bias.shape
        linear = tok2vec.layers[-1]
        self._out_weight, self._out_bias = (
            np.ascontiguousarray(linear.get_param("W").T),
            linear.get_param("b"),
        )

    def _read_parser(self, pipe: Any) -> None:
        lower, upper = pipe.model.get_ref("lower"), pipe.model.get_ref("upper")
        weight, pad, bias = (
            lower.get_param(name) for name in ("W", "pad", "b")
        )  # W: (feature, out, piece, in)
        if weight.shape[0] != 3 or weight.shape[2] != 2:
            raise ValueError("another state")
        self._hidden = weight.shape[1]
        # Features of a state: the current token, the entity's first token, the token before the current one.
        self._feature = [_matrix(w.transpose(1, 0, 2)) for w in weight]
        self._bias = bias.T.reshape(-1)
        self._closed_bias = self._bias + sum(pad[0, f].T.reshape(-1) for f in (1, 2))
        self._upper, self._upper_bias = upper.get_param("W"), upper.get_param("b")
        names = [pipe.moves.get_class_name(i) for i in range(len(self._upper))]
        closed = [i for i, n in enumerate(names) if n == "O" or (n[:2] in ("B-", "U-") and len(n) > 2)]
        self._closed, self._closed_upper_bias = (
            np.ascontiguousarray(self._upper[closed].T),
            self._upper_bias[closed],
        )
        self._labels = [names[i][2:] for i in closed]
        self._kinds = np.array([names[i][0] for i in closed])
        inner = {n: i for i, n in enumerate(names)}
        self._in = np.array([inner.get(f"I-{label}", -1) for label in self._labels])
        self._last = np.array([inner.get(f"L-{label}", -1) for label in self._labels])

    def spans(self, docs: Sequence[Any]) -> list[list[Span]]:
        """Entities of each tokenised document, in order."""
        found: list[list[Span]] = []
        group: list[Any] = []
        tokens = 0
        for doc in docs:
            group.append(doc)
            tokens += len(doc)
            if tokens >= GROUP_TOKENS:
                found += self._group(group)
                group, tokens = [], 0
        return found + self._group(group)

    def _group(self, docs: Sequence[Any]) -> list[list[Span]]:
        from spacy.attrs import IS_SPACE, NORM, ORTH, PREFIX, SHAPE, SUFFIX

        lengths = np.array([len(doc) for doc in docs])
        found: list[list[Span]] = [[] for _ in docs]
        if not lengths.sum():
            return found
        columns = [ORTH, NORM, PREFIX, SUFFIX, SHAPE, IS_SPACE]
        table = np.concatenate([doc.to_array(columns).reshape(-1, len(columns)) for doc in docs])
        tokens = self._encode(table, lengths)
        ends = np.cumsum(lengths)
        final = np.zeros(len(table), dtype=bool)
        final[ends[lengths > 0] - 1] = True
        chosen = self._choose(tokens, final, table[:, 5].astype(bool))
        stops = self._stops(tokens, chosen, final)
        starts = ends - lengths
        done = 0
        at = np.flatnonzero(self._kinds[chosen] != "O")
        for token, doc in zip(at.tolist(), np.searchsorted(ends, at, side="right").tolist(), strict=True):
            if token < done:
                continue
            done = stops.get(token, token + 1)
            first = int(starts[doc])
            found[doc].append((self._labels[chosen[token]], token - first, done - first))
        return found

    def _encode(self, table: NDArray[np.uint64], lengths: NDArray[np.int_]) -> Floats:
        """(tokens, hidden) token vectors."""
        keys = table[:, 0] * MIX ^ table[:, 1]
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        embedded = self._hashes.predict(np.ascontiguousarray(table[first, 1:5]))
        if self._vectors:
            embedded = np.hstack([embedded, self._vectors.of(table[first, 0])])
        lexemes = self._mix.predict(embedded)
        gap = len(self._layers)  # a layer reaches one token further
        rows = np.arange(len(table)) + gap * (1 + np.repeat(np.arange(len(lengths)), lengths))
        x = np.zeros((len(table) + gap * (len(lengths) + 1), self._width), dtype=np.float32)
        x[rows] = lexemes[inverse]
        window = np.zeros((len(x), 3 * self._width), dtype=np.float32)
        w = self._width
        for weight, bias, gain, shift in self._layers:
            window[1:, :w], window[:, w : 2 * w], window[:-1, 2 * w :] = x[:-1], x, x[1:]
            y = _maxout(window @ weight + bias, self._pieces)
            y -= y.mean(axis=1, keepdims=True)
            variance = np.einsum("ij,ij->i", y, y)[:, None] / w + EPSILON
            y *= variance**-0.5
            y *= gain
            y += shift
            x = x + y
        vectors: Floats = x[rows] @ self._out_weight + self._out_bias
        return vectors

    def _choose(self, tokens: Floats, final: NDArray[np.bool_], space: NDArray[np.bool_]) -> NDArray[np.intp]:
        """For each token the best action outside an entity (an index into `_labels`)."""
        hidden = _maxout(tokens @ self._feature[0] + self._closed_bias, 2)
        scores = hidden @ self._closed + self._closed_upper_bias
        scores[np.ix_(final, self._kinds == "B")] = IMPOSSIBLE
        scores[np.ix_(space, self._kinds != "O")] = IMPOSSIBLE
        best: NDArray[np.intp] = scores.argmax(axis=1)
        return best

    def _stops(self, tokens: Floats, chosen: NDArray[np.intp], final: NDArray[np.bool_]) -> dict[int, int]:
        """Where an entity that begins at a token ends (one past its last token)."""
        stops: dict[int, int] = {}
        first = np.flatnonzero(self._kinds[chosen] == "B")
        label, now = chosen[first], first
        while len(first):
            now = now + 1
            state = tokens[now] @ self._feature[0] + tokens[first] @ self._feature[1]
            state += tokens[now - 1] @ self._feature[2] + self._bias
            hidden = _maxout(state, 2)
            inside, last = self._in[label], self._last[label]
            go_on = np.einsum("ij,ij->i", hidden, self._upper[inside]) + self._upper_bias[inside]
            end = np.einsum("ij,ij->i", hidden, self._upper[last]) + self._upper_bias[last]
            on = (go_on > end) & ~final[now]
            stops.update(zip(first[~on].tolist(), (now[~on] + 1).tolist(), strict=True))
            first, label, now = first[on], label[on], now[on]
        return stops


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


def _matrix(weight: Floats) -> Floats:
    """(piece, out, in) weights as one (in, piece * out) matrix."""
    return np.ascontiguousarray(weight.reshape(-1, weight.shape[-1]).T)


def _maxout(x: Floats, pieces: int) -> Floats:
    """Largest of the `pieces` blocks of columns."""
    width = x.shape[1] // pieces
    best = x[:, :width]
    for piece in range(1, pieces):
        best = np.maximum(best, x[:, piece * width : (piece + 1) * width])
    return best
