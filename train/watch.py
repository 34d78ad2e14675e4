"""What a person sees while a model trains: one bar in a terminal, a line a validation elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from transformers import TrainerCallback

from data.errors import UserError
from train.forecast_shown import clock


@dataclass(frozen=True, slots=True)
class Gauge:
    """What the speed is held against: operations of a token, and operations a second of a large matrix product here."""

    flops: float
    ceiling: float


class Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Shows losses, speed and the time that is left, and stops a training whose loss is no number.

    step_seconds  seconds in training steps, without validation and saving
    steps         steps taken by this process (a resumed training counts from where it went on)
    tokens        says how many tokens were trained on so far, padding left out; set once there is a trainer
    """

    def __init__(self, console: Console, gauge: Gauge | None = None) -> None:
        self.step_seconds = 0.0
        self.steps = 0
        self.tokens: Callable[[], int] = lambda: 0
        self._console = console
        self._gauge = gauge
        self._started = self._began = 0.0
        self._seen: dict[str, float] = {}
        self._bars: Progress | None = None
        self._bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Put up the bar."""
        self._began = time.perf_counter()
        if not self._console.is_terminal:
            return
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
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
            words = f"{self._numbers(short=True)}{self.speed(short=True)}"
            self._bars.update(self._bar, completed=state.global_step, description=words or "Training")

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """Note the numbers; raise UserError for a loss that is none."""
        for key, value in (logs or {}).items():
            if key in ("loss", "eval_loss") and not math.isfinite(float(value)):
                raise UserError(
                    f"the {'training' if key == 'loss' else 'validation'} loss is {value} at step {state.global_step}",
                    f"a smaller learning rate usually helps: learning_rate={args.learning_rate / 10:g}",
                )
            if isinstance(value, int | float):
                self._seen[key] = float(value)
        if logs and "eval_loss" in logs:
            self._say(state)

    def close(self) -> None:
        """Take the bar down, whatever happened."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def speed(self, *, short: bool = False) -> str:
        """Tokens a second in steps, and the share of the machine's ceiling that their arithmetic takes."""
        if not self.step_seconds or not self.tokens():
            return ""
        pace = self.tokens() / self.step_seconds
        share = f" {pace * self._gauge.flops / self._gauge.ceiling:.0%}" if self._gauge else ""
        return f"  {pace:,.0f} tok/s{share}{' of the ceiling' if share and not short else ''}"

    def _say(self, state: Any) -> None:
        if self._console.is_terminal:
            return
        left = ""
        if self.steps and state.global_step < state.max_steps:
            # With validation and saving, which the clock of the steps leaves out.
            a_step = (time.perf_counter() - self._began) / self.steps
            left = f"  {clock(a_step * (state.max_steps - state.global_step))} left"
        self._console.print(
            f"step {state.global_step}/{state.max_steps}{self._numbers()}{self.speed()}{left}",
            highlight=False,
            soft_wrap=True,
        )

    def _numbers(self, *, short: bool = False) -> str:
        known = {"loss": "loss", "eval_loss": "val" if short else "validation"}
        if not short:
            known |= {"grad_norm": "gradient", "learning_rate": "rate"}
            known |= {
                key: key.removeprefix("eval_").replace("_", " ") for key in self._seen if _is_measure(key)
            }
        return "".join(f"  {name} {self._seen[key]:.3g}" for key, name in known.items() if key in self._seen)


def _is_measure(key: str) -> bool:
    """Whether a key of the trainer's log is a validation metric, and neither a loss nor a time."""
    times = ("runtime", "per_second", "loss", "entropy", "num_tokens")
    return key.startswith("eval_") and not any(word in key for word in times)
