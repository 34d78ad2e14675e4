"""What a training took over all of its stretches: it may go on from a checkpoint any number of times."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from train.watch import Watch

if TYPE_CHECKING:
    from train.fit import Fitted

NOTE = "stretches.json"  # in a checkpoint's folder
_NOTHING: dict[str, float] = {"seconds": 0.0, "step_seconds": 0.0, "tokens": 0, "stretches": 0}


class Stretches(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Notes with each checkpoint what was spent until then, and adds it up at the end.

    `began` is when this stretch began (time.perf_counter). `trainer` is set once there is one. What an interrupted
    stretch did after its last checkpoint is done again, and counted once.
    """

    def __init__(self, began: float) -> None:
        self.trainer: Any = None
        self._began = began
        self._before = dict(_NOTHING)

    def go_on_from(self, checkpoint: Path | None) -> None:
        """Take over what is noted in `checkpoint`."""
        if checkpoint is not None and (checkpoint / NOTE).is_file():
            self._before = {**_NOTHING, **json.loads((checkpoint / NOTE).read_text(encoding="utf-8"))}

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the sums beside the checkpoint that was just written."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and folder.is_dir():
            watch = next(c for c in self.trainer.callback_handler.callbacks if isinstance(c, Watch))
            sums = self._sums(watch.step_seconds, watch.tokens())
            (folder / NOTE).write_text(json.dumps(sums), encoding="utf-8")

    def totals(self, fitted: Fitted) -> dict[str, Any]:
        """Metrics of a run: seconds, step_seconds, tokens_trained, tokens_per_second and stretches."""
        sums = self._sums(fitted.step_seconds, fitted.tokens_per_second * fitted.step_seconds)
        return {
            "seconds": round(sums["seconds"], 1),
            "step_seconds": round(sums["step_seconds"], 2),
            "tokens_trained": round(sums["tokens"]),
            "tokens_per_second": round(sums["tokens"] / max(sums["step_seconds"], 1e-9), 1),
            "stretches": round(sums["stretches"]),
        }

    def _sums(self, step_seconds: float, tokens: float) -> dict[str, float]:
        here = {
            "seconds": time.perf_counter() - self._began,
            "step_seconds": step_seconds,
            "tokens": tokens,
            "stretches": 1,
        }
        return {name: self._before[name] + value for name, value in here.items()}
