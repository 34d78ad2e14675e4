"""The Run: one training, and everything that it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True, slots=True)
class Run:
    """One training.

    run_id          `run-` and 12 hex digits: hash of version, configuration and weights of the base model
    version         the version it ate; `rows` counts the records of each split used
    model, method   config choices (`smollm2_135m`, `lora`)
    config          the whole typed configuration as plain data
    packages        name -> version of what computed it; `hardware` says on what
    path            folder of adapter or model, model card and curve
    weights_digest  SHA-256 over the saved weight files; None until the run is done
    status          running, done or failed
    metrics         losses and times: {"train_loss": .., "validation_loss": .., "seconds": ..}
    """

    run_id: str
    version: str
    model: str
    method: str
    config: dict[str, Any]
    seed: int
    rows: dict[str, int] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    base_digest: str | None = None
    weights_digest: str | None = None
    status: str = "running"
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def classifies(self) -> bool:
        """Whether it learnt labels: one a row, where others learn the tokens of a text."""
        return (self.config.get("task") or {}).get("name") == "classify"

    @property
    def loss_unit(self) -> str:
        """What its losses count."""
        return "nats per row" if self.classifies else "nats per token"
