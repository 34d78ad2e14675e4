"""Prompts and answers to tokens: the encoder reads the one, the decoder writes the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data.records import Message
from train.chat import Example, question_and_reference
from train.rows import COLUMNS, Tokenised


def source_of(prompt: list[Message]) -> str:
    """What the encoder reads: the turns before the answer, one after the other."""
    return "\n".join(message["content"] for message in prompt)


def tokenise_pairs(
    frame: Any,
    tokenizer: Any,
    max_length: int,
    max_answer: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Tokenised:
    """`frame` (train.rows.COLUMNS) as tokens: a dataset of record_id, input_ids (prompt), labels (answer).

    A prompt longer than `max_length` tokens loses its end, as does an answer longer than `max_answer`.
    """
    import pyarrow as pa
    from datasets import Dataset

    left_out: list[tuple[str, str]] = []
    kept: list[Example] = []
    answers: list[str] = []
    cut: list[str] = []
    lost = ends = 0
    for record_id, kind, messages, label, _ in frame.select(COLUMNS).iter_rows():
        pair = question_and_reference(kind, messages, label)
        if pair is None or not pair[1].strip():
            left_out.append((record_id, "no_answer"))
        else:
            asked, answered = (tokenizer(text)["input_ids"] for text in (source_of(pair[0]), pair[1]))
            example = Example(record_id, _shortened(asked, max_length), answered[:max_answer])
            gone = len(asked) - len(example.input_ids) + len(answered) - len(example.labels)
            lost += gone
            if gone:
                cut.append(record_id)
            ends += len(answered) > max_answer
            kept.append(example)
            answers.append(pair[1])
        advance(1)
    schema = pa.schema(
        [("record_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))]
    )
    columns = [[e.record_id for e in kept], [e.input_ids for e in kept], [e.labels for e in kept]]
    supervised = sum(len(e.labels) for e in kept)
    return Tokenised(
        dataset=Dataset(pa.table(columns, schema=schema)),
        first=kept[:2],
        answers=answers[:2],
        left_out=left_out,
        rows_cut=len(cut),
        cut=cut,
        tokens_cut=lost,
        ends_cut=ends,
        tokens=supervised + sum(len(e.input_ids) for e in kept),
        supervised=supervised,
        longest=max((max(len(e.input_ids), len(e.labels)) for e in kept), default=0),
    )


def _shortened(ids: list[int], length: int) -> list[int]:
    """At most `length` tokens, of which the last stays what it was: the end of the text."""
    return ids if len(ids) <= length else [*ids[: length - 1], ids[-1]]
