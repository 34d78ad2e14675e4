"""Labelled texts to tokens: one label a text, by its number in the run's list of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from data.errors import UserError
from data.records import prompt_of
from train.chat import Example
from train.rows import COLUMNS, Tokenised


def labels_in(frame: Any) -> list[str]:
    """The distinct labels of a frame (train.rows.COLUMNS), sorted. Raises UserError for fewer than two."""
    found = sorted(label for label in frame["label"].unique() if label is not None)
    if len(found) < 2:
        raise UserError(
            f"the training rows carry {len(found)} different labels, and a classifier tells two or more apart",
            "which column holds it? python -m curation source.path=FILE source.fields.label=COLUMN",
            "rows that hold a prompt and its answer: task=sft",
        )
    return found


def text_of(messages: Any) -> str:
    """What is classified: the record without its answers."""
    return prompt_of(messages)


def tokenise_texts(
    frame: Any,
    tokenizer: Any,
    labels: list[str],
    max_length: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Tokenised:
    """`frame` (train.rows.COLUMNS) as tokens: a dataset of record_id, input_ids, labels (a number a row).

    A text longer than `max_length` tokens loses its end. Rows without a label, or with one that is not among
    `labels`, are left out with that reason.
    """
    import pyarrow as pa
    from datasets import Dataset

    number = {label: n for n, label in enumerate(labels)}
    left_out: list[tuple[str, str]] = []
    kept: list[tuple[str, list[int], int]] = []
    cut: list[str] = []
    tokens = lost = longest = 0
    for record_id, text, label in _texts(frame):
        if label not in number:
            left_out.append((record_id, "no_label" if label is None else "unknown_label"))
        else:
            whole = tokenizer(text)["input_ids"]
            ids = whole if len(whole) <= max_length else tokenizer(
                text, truncation=True, max_length=max_length
            )["input_ids"]  # fmt: skip
            lost += len(whole) - len(ids)
            if len(whole) > len(ids):
                cut.append(record_id)
            tokens, longest = tokens + len(ids), max(longest, len(ids))
            kept.append((record_id, ids, number[label]))
        advance(1)
    schema = pa.schema(
        [("record_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("labels", pa.int64())]
    )
    table = pa.table([[row[n] for row in kept] for n in range(3)], schema=schema)
    return Tokenised(
        dataset=Dataset(table),
        first=[Example(record_id, ids, []) for record_id, ids, _ in kept[:2]],
        answers=[labels[n] for _, _, n in kept[:2]],
        left_out=left_out,
        rows_cut=len(cut),
        cut=cut,
        tokens_cut=lost,
        tokens=tokens,
        supervised=len(kept),
        longest=longest,
        labels=labels,
    )


def _texts(frame: Any) -> Iterator[tuple[str, str, str | None]]:
    for record_id, _, messages, label, _ in frame.select(COLUMNS).iter_rows():
        yield record_id, text_of(messages), label
