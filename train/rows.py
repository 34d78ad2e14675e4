"""From records to a tokenised dataset: ids and labels, with every row that is cut or left out accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from data.records import Kind, Message, Records, prompt_of
from train.chat import IGNORED, Example, encode, holds_control_tokens

COLUMNS = ("record_id", "kind", "messages", "label", "split")

# Why a record of the split is not trained on.
REASONS = {
    "no_answer": "it holds no answer to learn",
    "prompt_too_long": "its prompt alone fills task.max_length, so no token of its answer is left",
    "control_tokens": "a message spells a special token of the model, which would open or close turns",
    "no_label": "it carries no label",
    "unknown_label": "no training row carries its label",
}


@dataclass(kw_only=True)
class Tokenised:
    """One split as tokens.

    dataset     datasets.Dataset with record_id, input_ids, labels
    first       the first two examples, for people to look at
    left_out    (record_id, reason of REASONS) of each record that is not in the dataset
    rows_cut    rows longer than max_length; tokens_cut counts what they lost; `cut` are their record ids
    ends_cut    rows among them whose end of turn was cut off: they do not teach the model to stop
    tokens      tokens in the dataset, of which `supervised` carry loss; `longest` is its longest row
    system      the system prompt that every conversation shares, if one does
    labels      classify: the labels by their number in the dataset
    answers     classify, seq2seq: the answers of `first`
    """

    dataset: Any
    first: list[Example]
    left_out: list[tuple[str, str]]
    rows_cut: int = 0
    tokens_cut: int = 0
    ends_cut: int = 0
    tokens: int = 0
    supervised: int = 0
    longest: int = 0
    system: str | None = None
    cut: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def reasons(self) -> dict[str, int]:
        """Records left out, by reason."""
        return dict(sorted(Counter(reason for _, reason in self.left_out).items()))


@dataclass
class _Tally:
    left_out: list[tuple[str, str]] = field(default_factory=list)
    first: list[Example] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    systems: set[str | None] = field(default_factory=set)
    rows_cut: int = 0
    tokens_cut: int = 0
    ends_cut: int = 0
    tokens: int = 0
    supervised: int = 0
    longest: int = 0


def rows_of(records: Records, split: str, limit: int | None) -> Any:
    """A frame (COLUMNS) of the records of `split`, by record_id. Ids are hashes: the first are a random sample."""
    import polars as pl

    frame = records.frame(*COLUMNS).filter(pl.col("split") == split)
    return (frame if limit is None else frame.head(limit)).collect()


def texts_of(frame: Any) -> Iterator[str]:
    """All texts of a frame of rows, in its order: what a tiny model's tokenizer is trained on."""
    for messages, label in frame.select("messages", "label").iter_rows():
        yield "\n".join(m["content"] for m in messages)
        if label is not None:
            yield label


def tokenise(
    frame: Any, tokenizer: Any, max_length: int, advance: Callable[[int], None] = lambda _: None
) -> Tokenised:
    """`frame` (COLUMNS) as tokens. A row longer than `max_length` tokens loses its end."""
    import pyarrow as pa
    from datasets import Dataset

    schema = pa.schema(
        [("record_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))]
    )
    tally = _Tally()
    tables = [schema.empty_table()]
    for part in frame.iter_slices(1000):
        kept = list(_kept(part, tokenizer, max_length, tally))
        tables.append(
            pa.table(
                [[e.record_id for e in kept], [e.input_ids for e in kept], [e.labels for e in kept]],
                schema=schema,
            )
        )
        advance(part.height)
    shared = tally.systems.pop() if len(tally.systems) == 1 else None
    counted = {name: value for name, value in vars(tally).items() if name != "systems"}
    return Tokenised(dataset=Dataset(pa.concat_tables(tables)), system=shared, **counted)


def _kept(part: Any, tokenizer: Any, max_length: int, tally: _Tally) -> Iterator[Example]:
    for record_id, kind, messages, label, _ in part.select(COLUMNS).iter_rows():
        if holds_control_tokens(tokenizer, messages):
            tally.left_out.append((record_id, "control_tokens"))
            continue
        whole = encode(tokenizer, record_id, kind, messages, label)
        example = Example(record_id, whole.input_ids[:max_length], whole.labels[:max_length])
        # The first position is predicted from nothing, so a label there carries no loss.
        if not any(token != IGNORED for token in example.labels[1:]):
            tally.left_out.append((record_id, "prompt_too_long" if whole.supervised else "no_answer"))
            continue
        lost = len(whole.input_ids) - len(example.input_ids)
        tally.rows_cut += lost > 0
        if lost:
            tally.cut.append(record_id)
        tally.ends_cut += lost > 0 and whole.labels[-1] != IGNORED
        tally.tokens_cut += lost
        tally.tokens += len(example.input_ids)
        tally.supervised += example.supervised
        tally.longest = max(tally.longest, len(example.input_ids))
        tally.systems.add(_system(kind, messages))
        if len(tally.first) < 2:
            tally.first.append(example)
        yield example


def _system(kind: str, messages: list[Message]) -> str | None:
    if kind == Kind.text:
        return None
    return prompt_of(m for m in messages if m["role"] == "system") or None
