"""The Fact: one measured value that never travels without its unit, slice, n, interval and method."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# The name of the fact that an audit leaves of itself: its outcome, and where its report is.
AUDIT_FACT = "audit"


class Outcome(StrEnum):
    """What a check concludes. Only PASS and ACCEPTED are green.

    INSUFFICIENT: too few rows to say; NOT_RUN: was not examined; INFO: a measurement without a threshold.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    WARN = "WARN"
    INSUFFICIENT = "INSUFFICIENT"
    NOT_RUN = "NOT_RUN"
    ACCEPTED = "ACCEPTED"
    INFO = "INFO"


@dataclass(kw_only=True, slots=True)
class Fact:
    """One measured value.

    subject      the version, run or evaluation measured; its kind is `subject_kind`
    name         check id or metric (`QUA-001`, `bleu`, `rouge_l`, `near_duplicate_fraction`)
    value, unit  the number and what it counts (`fraction`, `rows`, `BLEU`, `nats per token`); None = not measurable
    slice        what part was measured: `all`, or `column=value`, or e.g. `role=tuned`
    n            rows (or items) behind the value
    low, high    interval at `level` (0 to 1), None where none applies; `method` names how it was made
    signature    every setting that the value depends on (sacrebleu's signature, a check's parameters)
    outcome      what a threshold says of it; `threshold` is that threshold in words
    n_needed     rows needed in all before the check can say, for INSUFFICIENT
    evidence     the SQL or command that gives the value again
    detail       JSON-able rest (tables behind a chart); never personal data
    """

    subject: str
    subject_kind: str
    name: str
    value: float | None
    unit: str
    slice: str = "all"
    n: int | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str = ""
    signature: str = ""
    outcome: str = Outcome.INFO.value
    threshold: str = ""
    n_needed: int | None = None
    evidence: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
