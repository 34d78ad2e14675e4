"""Loads what stages judge with (compiled code, models) in a thread, while the rows are still read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress

from curation.stages import Stage


def warm_up(stages: Sequence[Stage]) -> None:
    """Let those of the stages that offer it load what they need, in turn, beside what goes on."""
    loads = [load for stage in stages if (load := stage.warm_up) is not None]

    def run() -> None:
        for load in loads:
            # What is missing, the stage itself says when it is its turn.
            with suppress(Exception):
                load()

    threading.Thread(target=run, name="warm-up").start()
