"""Versions without the records that were erased on a person's request."""

from __future__ import annotations

from data.store import Store
from data.verdicts import Action, verdicts

STAGE = "forget"
REASONS = {"forget_erased": "erased on a person's request"}


def leave_out_forgotten(store: Store, version: str) -> str | None:
    """The version that `version` becomes without forgotten records; None where it holds none of them."""
    forgotten = store.forgotten()
    held = sorted(store.present(version, list(forgotten))) if forgotten else []
    if not held:
        return None
    said = [
        {
            "record_id": record,
            "action": Action.drop.value,
            "reason": "forget_erased",
            "detail": forgotten[record],
        }
        for record in held
    ]
    return store.apply(
        version,
        stage=STAGE,
        config={"erasures": sorted({forgotten[record] for record in held})},
        code="1",
        verdicts=verdicts(said),
        reasons=REASONS,
    )
