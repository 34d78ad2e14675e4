"""Checks of the tokens that the trainer will see: what carries loss, what was cut, and whether it reads back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.facts import Outcome
from data.records import Records
from train.chat import IGNORED, encode, prompt_ids, question_and_reference, segments
from train.findings import Finding, judged
from train.rows import COLUMNS, REASONS, Tokenised
from train.tasks import Task

SLICES = ("source", "task", "label")  # columns by whose values the truncation is looked at
SLICE_ROWS = 20  # rows below which a slice that is cut throughout is no reason to stop
ROUND_TRIPS = 50  # rows that are decoded again
LONGER = "longer rows: task.max_length={}; or shorten them in the data"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the checks look at: the training rows (a frame of train.rows.COLUMNS) and what became of them.

    slices   column of SLICES -> record id -> value, for the columns that the records have
    """

    frame: Any
    learnt: Tokenised
    tokenizer: Any
    task: Task
    max_length: int
    slices: Mapping[str, Mapping[str, str]]


def slices_of(records: Records) -> dict[str, dict[str, str]]:
    """Column of SLICES -> record id -> value, of the training rows; only columns that tell rows apart."""
    frame = records.frame("record_id", "split", *SLICES).collect()
    training = frame.filter(frame["split"] == "train")
    found = {}
    for column in SLICES:
        named = training.select("record_id", column).drop_nulls()
        # As many values as rows: answers or ids, not slices.
        if 1 < named[column].n_unique() <= max(named.height // SLICE_ROWS, 1):
            found[column] = dict(named.iter_rows())
    return found


def check_rows_of(seen: Seen) -> list[Finding]:
    """All checks of this module that apply to the task."""
    found = [supervision(seen)]
    if not len(seen.learnt):  # the others would say the same in other words
        return found
    if seen.task is Task.sft:
        found.append(end_of_turn(seen))
    found += [truncation(seen), left_out(seen)]
    if seen.task is Task.sft:
        found.append(round_trip(seen))
    return found


def supervision(seen: Seen) -> Finding:
    """Rows without any token to learn, and the share of tokens that carry loss in the others.

    A training on fully masked rows draws a normal curve and learns nothing.
    """
    learnt = seen.learnt
    masked = sum(
        count for reason, count in learnt.reasons.items() if reason in ("no_answer", "prompt_too_long")
    )
    rows = len(learnt) + masked
    share = masked / rows if rows else 1.0
    why = ", ".join(f"{REASONS[reason]} ({count:,})" for reason, count in learnt.reasons.items())
    limit = "half of the rows without a token to learn"
    if not len(learnt):
        return Finding(
            "supervision", Outcome.FAIL, f"No row of {rows:,} holds a token to learn: {why}.", share, n=rows,
            limit=limit,
            fix=f"{LONGER.format(2048)}. allow=[supervision] is for a training on few rows; here it would be on none",
        )  # fmt: skip
    outcome = judged(share, warn=0.0, stop=0.5)
    if seen.task is Task.classify:
        words = f"One label a row, {len(learnt):,} rows."
    else:
        carried = learnt.supervised / max(learnt.tokens, 1)
        words = f"{carried:.1%} of {learnt.tokens:,} tokens carry loss."
        outcome = Outcome.WARN if outcome is Outcome.PASS and carried < 0.02 else outcome
    if masked:
        words += f" {masked:,} of {rows:,} rows hold none: {why}."
    return Finding(
        "supervision", outcome, words, share, n=rows, limit=limit,
        fix=LONGER.format(2 * seen.max_length) if masked else "",
    )  # fmt: skip


def end_of_turn(seen: Seen) -> Finding:
    """Share of rows whose last learnt token ends the turn: a model that never saw it does not stop talking."""
    ends = _end_tokens(seen.tokenizer)
    last = _last_labels(seen.learnt.dataset)
    trained = float(np.isin(last, list(ends)).mean()) if len(last) else 0.0
    limit = "half of the rows without"
    fix = (
        "the tokenizer names no end-of-turn token: model.path=ANOTHER, or add eos_token to its tokenizer_config.json"
        if not ends
        else f"{LONGER.format(2 * seen.max_length)}; or another template: model.chat_template=FILE.jinja"
    )
    words = f"{trained:.1%} of the rows teach the model to end its turn."
    return Finding(
        "end_of_turn",
        judged(1 - trained, warn=0.05, stop=0.5),
        words,
        1 - trained,
        n=len(last),
        limit=limit,
        fix=fix,
    )


def _end_tokens(tokenizer: Any) -> set[int]:
    return {tokenizer.eos_token_id} - {None}


def _last_labels(dataset: Any) -> Any:
    """The last label of each row, int64."""
    last = []
    for chunk in dataset.data.column("labels").chunks:
        lists = chunk.combine_chunks() if hasattr(chunk, "combine_chunks") else chunk
        offsets = lists.offsets.to_numpy()
        values = lists.values.to_numpy(zero_copy_only=False)
        ends = offsets[1:][np.diff(offsets) > 0] - 1
        last.append(values[ends])
    return np.concatenate(last) if last else np.zeros(0, np.int64)


def truncation(seen: Seen) -> Finding:
    """Rows that lost their end, in all and in the slice that lost most."""
    rows, cut = len(seen.learnt), set(seen.learnt.cut)
    share = len(cut) / rows if rows else 0.0
    outcome = judged(share, warn=0.05, stop=1.0)
    words = f"{len(cut):,} of {rows:,} rows were longer than task.max_length={seen.max_length} ({share:.1%})."
    if cut:
        name, value, portion, size = _worst_slice(seen, cut)
        if name and portion > share:
            words += f" Most in {name}={value[:30]}: {portion:.0%} of {size:,}."
        if portion >= 1 and size >= SLICE_ROWS:
            outcome = Outcome.FAIL
    longest = 1 << int(
        np.ceil(np.log2(max(seen.learnt.longest + seen.learnt.tokens_cut // max(len(cut), 1), 8)))
    )
    return Finding(
        "truncation", outcome, words, share, n=rows, limit=f"every row, or all of a slice of {SLICE_ROWS} or more",
        fix=LONGER.format(longest) if cut else "",
    )  # fmt: skip


def _worst_slice(seen: Seen, cut: set[str]) -> tuple[str, str, float, int]:
    """(column, value, share of its rows cut, its rows) of the slice with the largest share; larger ones first."""
    ids = seen.learnt.dataset["record_id"]
    worst = ("", "", 0.0, 0)
    for column, values in seen.slices.items():
        named = [(values[i], i in cut) for i in ids if i in values]
        sizes, cuts = (
            Counter(value for value, _ in named),
            Counter(value for value, is_cut in named if is_cut),
        )
        if len(sizes) < 2:
            continue
        for value, size in sizes.items():
            if size >= SLICE_ROWS:
                worst = max(worst, (column, value, cuts[value] / size, size), key=lambda found: found[2:])
    return worst


def left_out(seen: Seen) -> Finding:
    """Rows that are not trained on at all, by reason."""
    gone, rows = len(seen.learnt.left_out), len(seen.learnt) + len(seen.learnt.left_out)
    share = gone / rows if rows else 0.0
    why = "; ".join(f"{REASONS[reason]} ({count:,})" for reason, count in seen.learnt.reasons.items())
    words = (
        f"{gone:,} of {rows:,} rows are left out: {why}." if gone else f"None of {rows:,} rows is left out."
    )
    return Finding(
        "left_out", judged(share, warn=0.0, stop=0.2), words, share, n=rows, limit="a fifth of the rows",
        fix=f"{LONGER.format(2 * seen.max_length)}; which ones, of a run that began: left_out.json in its folder",
    )  # fmt: skip


def round_trip(seen: Seen) -> Finding:
    """Whether tokens decode to the rendered text, and whether a prompt at inference begins the row it was learnt in."""
    kept = set(seen.learnt.dataset["record_id"][: 4 * ROUND_TRIPS])
    texts = prompts = n = 0
    for record_id, kind, messages, label in _sample(seen.frame, kept):
        n += 1
        texts += not _reads_back(seen.tokenizer, record_id, kind, messages, label)
        prompts += not _prompt_begins(seen.tokenizer, record_id, kind, messages, label)
    share = max(texts, prompts) / n if n else 0.0
    parts = []
    if texts:
        parts.append(f"{texts} of {n} rows do not decode to the text that was rendered")
    if prompts:
        parts.append(f"the prompt of {prompts} of {n} rows is tokenised otherwise when it is asked alone")
    words = ("; ".join(parts) or f"{n} of {n} rows decode to their text, and their prompts begin them") + "."
    return Finding(
        "round_trip", judged(share, warn=0.0, stop=0.5), words, share, n=n, limit="half of the rows",
        fix="another template: model.chat_template=FILE.jinja; or the tokenizer that the model was trained with",
    )  # fmt: skip


def _sample(frame: Any, kept: set[str]) -> Iterator[tuple[str, str, Any, str | None]]:
    taken = 0
    for record_id, kind, messages, label, _ in frame.select(COLUMNS).iter_rows():
        if record_id in kept:
            yield record_id, kind, messages, label
            taken += 1
        if taken == ROUND_TRIPS:
            return


def _reads_back(tokenizer: Any, record_id: str, kind: str, messages: Any, label: str | None) -> bool:
    example = encode(tokenizer, record_id, kind, messages, label)
    rendered = "".join(segment.text for segment in segments(tokenizer, kind, messages, label))
    decoded = tokenizer.decode(example.input_ids, clean_up_tokenization_spaces=False)
    return bool(decoded == rendered)


def _prompt_begins(tokenizer: Any, record_id: str, kind: str, messages: Any, label: str | None) -> bool:
    asked = question_and_reference(kind, messages, label)
    if asked is None:
        return True
    example = encode(tokenizer, record_id, kind, messages, label)
    # The last answer is the last stretch that carries loss.
    start = len(example.labels)
    while start and example.labels[start - 1] != IGNORED:
        start -= 1
    return prompt_ids(tokenizer, asked[0]) == example.input_ids[:start]
