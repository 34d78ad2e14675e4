"""The Step: what one stage of a run left."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a run: the version it left, whether that existed already, and its seconds."""

    stage: str
    version: str
    reused: bool
    seconds: float
