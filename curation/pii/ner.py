"""spaCy's named entities over many documents at once: the same weights, the same greedy decisions.

For English models of the usual shape (`encoder`; a transition parser with the states Begin, In, Last, Unit, Out).
Outside an entity the state is the current token alone, so one product scores every token; only inside an entity are
states stepped, all open entities of the group together.

The pipe depends on the rest of the pipeline in one way: an entity never crosses a sentence's start, and the parser says
where those are. So it is asked (`sentences`) in documents where it could matter for an entity that is wanted, and only
there. Rules on valid actions: spacy/pipeline/_parser_internals/ner.pyx.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pii.encoder import Encoder, Floats, matrix, table_of
from curation.pii.kernels import BEGIN, OUT, UNIT, choose, read_entities, unsettled
from curation.pii.sentences import SentenceStarts

Span = tuple[str, int, int]  # label, first token, one past the last token

GROUP_TOKENS = 1_500  # matrices that stay in the processor's cache
AHEAD_TOKENS = 64  # most sentences end sooner
PIPES = frozenset({"tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "ner"})
KINDS = {"O": OUT, "U": UNIT, "B": BEGIN}


class BatchedNer:
    """Entities of spaCy documents. ValueError where the pipes are not built as described above."""

    def __init__(self, nlp: Any, labels: Iterable[str]) -> None:
        try:
            pipe = nlp.get_pipe("ner")
            tok2vec = pipe.model.get_ref("tok2vec")
            self._encoder = Encoder(tok2vec.layers[0], nlp.vocab)
            self._read(pipe, tok2vec.layers[-1])
            if not PIPES.issuperset(nlp.pipe_names):
                raise ValueError("a pipe that may write sentence starts or entities")
            self._sentences = self._shared = None
            if "parser" in nlp.pipe_names and nlp.pipe_names.index("parser") < nlp.pipe_names.index("ner"):
                self._shared = Encoder(nlp.get_pipe("tok2vec").model, nlp.vocab)
                self._sentences = SentenceStarts(nlp.get_pipe("parser"))
        except (AttributeError, IndexError, KeyError, ValueError) as error:
            raise ValueError("not a named-entity pipe of the known shape") from error
        wanted = set(labels)
        self._wanted = np.array([label in wanted for label in self._labels])

    def _read(self, pipe: Any, linear: Any) -> None:
        self._out_weight = np.ascontiguousarray(linear.get_param("W").T)
        self._out_bias = linear.get_param("b")
        lower, upper = pipe.model.get_ref("lower"), pipe.model.get_ref("upper")
        weight, pad, bias = (
            lower.get_param(name) for name in ("W", "pad", "b")
        )  # W: (feature, out, piece, in)
        if weight.shape[0] != 3 or weight.shape[2] != 2 or pipe.cfg["beam_width"] != 1:
            raise ValueError("another state")
        # Features of a state: the current token, the entity's first token, the token before the current one.
        self._feature = [matrix(w.transpose(1, 0, 2)) for w in weight]
        self._bias = bias.T.reshape(-1)
        self._closed_bias = self._bias + sum(pad[0, f].T.reshape(-1) for f in (1, 2))
        self._upper, self._upper_bias = upper.get_param("W"), upper.get_param("b")
        names = [pipe.moves.get_class_name(i) for i in range(len(self._upper))]
        closed = [i for i, n in enumerate(names) if n == "O" or (n[:2] in ("B-", "U-") and len(n) > 2)]
        self._closed = np.ascontiguousarray(self._upper[closed].T)
        self._closed_upper_bias = self._upper_bias[closed]
        self._labels = [names[i][2:] for i in closed]
        self._kinds = np.array([KINDS[names[i][0]] for i in closed], dtype=np.uint8)
        inner = {n: i for i, n in enumerate(names)}
        self._in = np.array([inner.get(f"I-{label}", -1) for label in self._labels])
        self._last = np.array([inner.get(f"L-{label}", -1) for label in self._labels])

    def spans(self, docs: Sequence[Any]) -> list[list[Span]]:
        """The wanted entities of each tokenised document, in order."""
        return [spans for group in _groups(docs) for spans in self._group(group)]

    def _group(self, docs: Sequence[Any]) -> Iterator[list[Span]]:
        table = table_of(docs)
        lengths = np.array([len(doc) for doc in docs])
        ends = np.cumsum(lengths)
        bounds = [(end - length, end) for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
        tokens = self._encoder.vectors(table, lengths) @ self._out_weight + self._out_bias
        final = np.zeros(len(table), dtype=np.bool_)
        final[ends[lengths > 0] - 1] = True
        chosen, second = self._choose(tokens, final, table)
        stops = self._stops(tokens, chosen, final)
        starts = np.zeros(len(table) + 1, dtype=np.bool_)
        read = (chosen, second, stops, self._kinds)
        until = [unsettled(*read, self._wanted, a, b) for a, b in bounds]
        self._begin_sentences(table, bounds, until, starts)
        found = np.empty((len(table), 3), dtype=np.int64)
        for a, b in bounds:
            number = read_entities(*read, starts, a, b, found)
            yield [
                (self._labels[action], first - a, stop - a)
                for action, first, stop in found[:number].tolist()
                if self._wanted[action]
            ]

    def _begin_sentences(
        self,
        table: NDArray[np.uint64],
        bounds: Sequence[tuple[int, int]],
        until: Sequence[int],
        starts: NDArray[np.bool_],
    ) -> None:
        """Write to `starts` where sentences begin, for each document up to its token in `until`.

        A document is first read up to some tokens further, and to its end where the sentence is longer.
        """
        if self._sentences is None or self._shared is None:
            return
        for further in (AHEAD_TOKENS, None):
            parts = [
                (a, b, b if further is None else min(b, last + further), last)
                for (a, b), last in zip(bounds, until, strict=True)
                if last >= 0
            ]
            if not parts:
                return
            seen = [min(b, end + self._shared.reach) for _, b, end, _ in parts]
            rows = np.concatenate([np.arange(a, s) for (a, *_), s in zip(parts, seen, strict=True)])
            lengths = np.array([s - a for (a, *_), s in zip(parts, seen, strict=True)])
            vectors = self._shared.vectors(table[rows], lengths)
            until = [-1] * len(bounds)
            at = 0
            for (a, b, end, last), length in zip(parts, lengths.tolist(), strict=True):
                own = self._sentences.of(vectors[at : at + end - a], last - a, whole=end == b)
                at += length
                if own is None:
                    until[bounds.index((a, b))] = last
                else:
                    starts[a:end] = own

    def _choose(
        self, tokens: Floats, final: NDArray[np.bool_], table: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each token the best action outside an entity (an index into `_labels`), and the best short one."""
        hidden = _maxout(tokens @ self._feature[0] + self._closed_bias)
        scores = hidden @ self._closed + self._closed_upper_bias
        chosen = np.empty(len(tokens), dtype=np.int64)
        second = np.empty(len(tokens), dtype=np.int64)
        choose(scores, self._kinds, table[:, -1].astype(np.bool_), final, chosen, second)
        return chosen, second

    def _stops(
        self, tokens: Floats, chosen: NDArray[np.int64], final: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Where an entity that begins at a token ends (one past its last token)."""
        stops = np.zeros(len(tokens), dtype=np.int64)
        first = np.flatnonzero(self._kinds[chosen] == BEGIN)
        label, now = chosen[first], first
        while len(first):
            now = now + 1
            state = tokens[now] @ self._feature[0] + tokens[first] @ self._feature[1]
            state += tokens[now - 1] @ self._feature[2] + self._bias
            hidden = _maxout(state)
            inside, last = self._in[label], self._last[label]
            go_on = np.einsum("ij,ij->i", hidden, self._upper[inside]) + self._upper_bias[inside]
            end = np.einsum("ij,ij->i", hidden, self._upper[last]) + self._upper_bias[last]
            on = (go_on > end) & ~final[now]
            stops[first[~on]] = now[~on] + 1
            first, label, now = first[on], label[on], now[on]
        return stops


def _groups(docs: Sequence[Any]) -> Iterator[list[Any]]:
    group: list[Any] = []
    tokens = 0
    for doc in docs:
        group.append(doc)
        tokens += len(doc)
        if tokens >= GROUP_TOKENS:
            yield group
            group, tokens = [], 0
    if group:
        yield group


def _maxout(x: Floats) -> Floats:
    """The larger of the two halves of the columns."""
    half = x.shape[1] // 2
    larger: Floats = np.maximum(x[:, :half], x[:, half:])
    return larger
