"""What a person sees while a model trains: one bar in a terminal, a line a validation elsewhere."""

from __future__ import annotations

import math
import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from transformers import TrainerCallback

from data.errors import UserError


class Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Shows losses, measures the seconds spent in steps alone, and stops a training whose loss is no number.

    step_seconds  seconds in training steps, without validation and saving
    steps         steps taken by this process (a resumed training counts from where it went on)
    """

    def __init__(self, console: Console) -> None:
        self.step_seconds = 0.0
        self.steps = 0
        self._console = console
        self._started = 0.0
        self._loss: float | None = None
        self._validation: float | None = None
        self._bars: Progress | None = None
        self._bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Put up the bar."""
        if not self._console.is_terminal:
            return
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._bar = self._bars.add_task("Training", total=state.max_steps, completed=state.global_step)
        self._bars.start()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop the clock and move the bar."""
        self.step_seconds += time.perf_counter() - self._started
        self.steps += 1
        if self._bars is not None:
            self._bars.update(self._bar, completed=state.global_step, description=f"Training{self._losses()}")

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """Note the losses; raise UserError for one that is not a number."""
        for key in ("loss", "eval_loss"):
            value = (logs or {}).get(key)
            if value is None:
                continue
            if not math.isfinite(float(value)):
                raise UserError(
                    f"the {'training' if key == 'loss' else 'validation'} loss is {value} at step {state.global_step}",
                    f"a smaller learning rate usually helps: learning_rate={args.learning_rate / 10:g}",
                )
            if key == "loss":
                self._loss = float(value)
            else:
                self._validation = float(value)
                self._say(state)

    def close(self) -> None:
        """Take the bar down, whatever happened."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _say(self, state: Any) -> None:
        if self._console.is_terminal:
            return
        pace = f"  {self.step_seconds / self.steps:.2f} s a step" if self.steps else ""
        self._console.print(
            f"step {state.global_step}/{state.max_steps}{self._losses()}{pace}", highlight=False
        )

    def _losses(self) -> str:
        parts = [("loss", self._loss), ("validation", self._validation)]
        return "".join(f"  {name} {value:.3f}" for name, value in parts if value is not None)
