"""What is checked before any compute is spent, and the two examples that a person should have looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from data.errors import UserError
from train.chat import IGNORED, Example
from train.rows import Tokenised

_SHOWN_CHARS = 700


def check_scrubbed(version: str, stages: Sequence[str], allow_unscrubbed: bool) -> None:
    """Refuse a version that no `pii` stage has passed: a model repeats what it was trained on."""
    if "pii" in stages or allow_unscrubbed:
        return
    raise UserError(
        f"{version} was not searched for personal data (its stages: {', '.join(stages) or 'none'})",
        "mask it first: run python -m curation with the pii stage",
        "or train on it as it is: allow_unscrubbed=true",
    )


def check_rows(version: str, counts: dict[str | None, int]) -> None:
    """Refuse a version without training rows. `counts`: rows by split, None for unassigned ones."""
    if counts.get("train"):
        return
    listing = ", ".join(f"{split or 'no split'} {rows:,}" for split, rows in counts.items()) or "none at all"
    raise UserError(
        f"{version} holds no training rows (rows: {listing})",
        "assign splits first: run python -m curation with the split stage",
        "or name another version: version=ID (python -m data versions lists them)",
    )


def check_first_batch(labels: Any) -> float:
    """Share of supervised tokens in a collated batch of labels (rows x positions); refuses 0.

    It looks at what the trainer will really see, after its own collator.
    """
    share = float((labels[:, 1:] != IGNORED).float().mean())
    if share == 0:
        raise UserError(
            "the first batch holds no supervised token: this training would learn nothing",
            "is the chat template right? model.chat_template=FILE.jinja",
        )
    return share


def remarks(validation: Tokenised, allow_unscrubbed: bool) -> list[str]:
    """What a person should know before it starts besides the checks, one sentence each."""
    said = []
    if not len(validation):
        said.append(
            "No validation rows: no early stopping, and the last weights are kept instead of the best."
        )
    if allow_unscrubbed:
        said.append("Personal data was not masked (allow_unscrubbed=true): the model may repeat it.")
    return said


def show(console: Console, train: Tokenised, tokenizer: Any, *, hide: bool) -> None:
    """Print up to two examples with the supervised tokens marked: green in a terminal, in brackets elsewhere."""
    share = train.supervised / max(train.tokens, 1)
    console.print(
        f"[bold]What is learnt[/]  {train.supervised:,} of {train.tokens:,} tokens carry loss "
        f"({share:.0%}); two examples, those tokens {'in green' if console.is_terminal else 'in ⟦ ⟧'}:",
        soft_wrap=True,
    )
    for example in train.first:
        if hide:
            console.print(
                f"  {example.record_id}: {len(example.input_ids)} tokens; text not shown, it is unscrubbed"
            )
            continue
        console.print(Text(f"  {example.record_id}", style="dim"))
        console.print(marked(example, tokenizer, in_colour=console.is_terminal), soft_wrap=True)


def show_pairs(console: Console, train: Tokenised, tokenizer: Any, *, hide: bool) -> None:
    """Print up to two examples as what is read and what is answered."""
    console.print(
        f"[bold]What is learnt[/]  {len(train):,} texts and their answers; two of them:", soft_wrap=True
    )
    for example, answer in zip(train.first, train.answers, strict=True):
        if hide:
            console.print(
                f"  {example.record_id}: {len(example.input_ids)} tokens; text not shown, it is unscrubbed"
            )
            continue
        text = tokenizer.decode(example.input_ids, skip_special_tokens=True)
        shortened = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]} […]"
        console.print(Text(f"  {example.record_id}", style="dim"))
        console.print(Text(shortened, style="dim"), Text(f"⟦{answer}⟧", style="bold green"), soft_wrap=True)


def stretches(example: Example, tokenizer: Any) -> list[tuple[str, bool]]:
    """The example's text in (stretch, whether it carries loss) pairs; long ones are shortened in their middle."""
    found = []
    position = 0
    for supervised, run in groupby(label != IGNORED for label in example.labels):
        length = sum(1 for _ in run)
        text = tokenizer.decode(example.input_ids[position : position + length])
        position += length
        if len(text) > _SHOWN_CHARS:
            text = f"{text[: _SHOWN_CHARS // 2]} […] {text[-_SHOWN_CHARS // 2 :]}"
        found.append((text, supervised))
    return found


def marked(example: Example, tokenizer: Any, *, in_colour: bool) -> Text:
    """The example as text with its supervised stretches marked."""
    out = Text()
    for text, supervised in stretches(example, tokenizer):
        if in_colour:
            out.append(text, style="bold green" if supervised else "dim")
        else:
            out.append(f"⟦{text}⟧" if supervised else text)
    return out
