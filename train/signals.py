"""Ending on request: SIGTERM (what a scheduler sends before it kills) writes a checkpoint after the running step."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from transformers import TrainerCallback

from train.processes import any_asked, count

_EVERY = 4  # steps between two questions among several processes
EXIT_CODE = 128 + signal.SIGTERM  # 143, as a shell says it


class Ending(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Ends the training with a checkpoint at the end of the step in which it was asked to.

    asked   whether a SIGTERM came
    step    the step whose checkpoint was written; None while there is none
    """

    def __init__(self) -> None:
        self.asked = False
        self.step: int | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """See `Ending`. At the last step there is nothing left to end."""
        # Asking the others costs a message between the processes: not at every step.
        if state.global_step % (1 if count() == 1 else _EVERY) or state.global_step >= state.max_steps:
            return
        if any_asked(self.asked):
            control.should_save = control.should_training_stop = True
            self.step = state.global_step


@contextmanager
def leaving_on_sigterm() -> Iterator[None]:
    """Within it a SIGTERM leaves by SystemExit with EXIT_CODE, so that what was begun can be ended: for a search."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(EXIT_CODE)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ending_on_sigterm(console: Console) -> Iterator[Ending]:
    """Within it a SIGTERM ends the training cleanly; a second one ends the process at once."""
    ending = Ending()
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # Python takes signals in the main thread only
        yield ending
        return

    def asked(number: int, frame: FrameType | None) -> None:
        ending.asked = True
        signal.signal(signal.SIGTERM, before)
        console.print("SIGTERM: a checkpoint is written after this step.", highlight=False)

    before = signal.signal(signal.SIGTERM, asked)
    try:
        yield ending
    finally:
        signal.signal(signal.SIGTERM, before)
