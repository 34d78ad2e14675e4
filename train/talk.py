"""`python -m train chat=RUN`: prompts from the terminal or a pipe, answered by base and tuned model side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from data.commands import spelt
from data.errors import UserError
from data.records import Message
from train.keeping import reading
from train.load import BASE, has_adapter, load_base, load_tuned, task_of
from train.tasks import Task

if TYPE_CHECKING:
    from train.config import TrainConfig

_SIDE_BY_SIDE = 80  # characters a terminal needs for two columns


def talk(config: TrainConfig) -> int:
    """Answer one prompt a line until the input ends. Every prompt is a conversation of its own."""
    console, notes = Console(), Console(stderr=True)
    with reading(config.store.path, notes) as store:
        run = store.run(str(config.chat))
    if task_of(run) is Task.classify:
        raise UserError(
            f"{run.run_id} is a classifier: it gives labels, and does not talk",
            spelt(f"python -m eval run={run.run_id}", config.store.path),
        )
    if config.threads is not None:
        import torch

        torch.set_num_threads(config.threads)
    notes.print(f"Loading {run.run_id} ...", highlight=False)
    tuned, tokenizer = load_tuned(run)
    base = None if has_adapter(run) else load_base(run)[0]
    system = json.loads((Path(run.path) / BASE).read_text(encoding="utf-8")).get("system")
    if system:
        notes.print(Text(f"System prompt, as in training: {system}", style="dim"))
    notes.print("One prompt a line; Ctrl-D ends.")
    for prompt in _prompts():
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": prompt})
        before, after = _both(config, tuned, base, tokenizer, messages)
        console.print(side_by_side(prompt, before, after, console.width))
    return 0


def side_by_side(prompt: str, before: str, after: str, width: int) -> Columns:
    """The two answers in two columns, or stacked below 80 characters."""
    panel_width = width // 2 - 1 if width >= _SIDE_BY_SIDE else width
    panels = [
        Panel(
            Text(answer or "(nothing)", overflow="fold"), title=title, title_align="left", width=panel_width
        )
        for title, answer in (("base", before), ("tuned", after))
    ]
    return Columns(panels, title=Text(f"> {prompt}", style="bold", justify="left"), padding=(0, 0))


def _both(
    config: TrainConfig, tuned: Any, base: Any, tokenizer: Any, messages: list[Message]
) -> tuple[str, str]:
    from train.answers import answers

    def ask(model: Any) -> str:
        return answers(
            model,
            tokenizer,
            [messages],
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            seed=config.seed,
        )[0]

    after = ask(tuned)
    if base is not None:
        return ask(base), after
    with tuned.disable_adapter():
        return ask(tuned), after


def _prompts() -> Iterator[str]:
    """Lines that hold something: typed ones with a mark to type after, piped ones as they come."""
    typed = sys.stdin.isatty()
    if typed:
        import readline  # noqa: F401  (line editing and history for input())
    while True:
        try:
            line = input("> ") if typed else sys.stdin.readline()
        except EOFError:
            break
        if not typed and not line:
            break
        if line.strip():
            yield line.strip()
