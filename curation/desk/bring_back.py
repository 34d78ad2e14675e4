"""Removed records that people want to keep: each removal that they take back becomes an undo, as one typed by hand.

An undo is repeated by every later curation (see `curation.restore`), and the later stages judge the record: it is
scrubbed, and finds its split. It stays also where the answers that asked for it are taken back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from curation.desk.carry import cleared_by, decisions
from curation.desk.decide import Terms
from curation.desk.settings import Use
from curation.restore import REASONS, STAGE
from curation.stages import code_digest
from curation.steps import Step
from curation.undo import later_again
from data.store import Store
from data.verdicts import Action, verdicts
from data.versions import Version


def bring_back(store: Store, plan: list[Version], terms: Terms) -> list[Step]:
    """The steps that restore what dedup removed of `plan` (a lineage without the desk's steps) and people keep."""
    place = next((i for i, version in enumerate(plan) if version.stage == "dedup"), None)
    if not place:
        return []
    step, parent = plan[place], plan[place - 1].version
    removed = set(store.verdicts(step.version).filter(action=Action.drop.value)["record_id"])
    tip = plan[-1].version
    wanted = {
        one.record_id: one.detail
        for one in decisions(store, parent, terms)
        if one.use is Use.fate and one.reason == "desk_confirmed" and one.record_id in removed
    }
    for record_id in store.present(tip, list(wanted)) | _undone(plan[place + 1 :], store):
        wanted.pop(record_id, None)
    if not wanted:
        return []
    texts = dict(_messages(store, parent, list(wanted)).iter_rows())
    while place + 1 < len(plan) and plan[place + 1].stage == STAGE:
        place += 1
    said = [
        {
            "record_id": name, "action": Action.restore.value, "reason": "undo_restored",
            "detail": f"on the labelling desk: {detail}", "messages": texts[name],
        }
        for name, detail in sorted(wanted.items())
    ]  # fmt: skip
    made = store.apply(
        plan[place].version,
        stage=STAGE,
        config={"records": sorted(wanted), "because": "labelling desk"},
        code=code_digest(Path(__file__)),
        verdicts=verdicts(said),
        reasons=REASONS,
    )
    return [Step(STAGE, made, False, 0.0), *later_again(store, made, plan, plan[place].version)]


def _undone(later: list[Version], store: Store) -> set[str]:
    """Records that were brought back before: a later stage may have removed them for its own reason."""
    found: set[str] = set()
    for version in later:
        if version.stage == STAGE:
            found |= set(store.verdicts(version.version)["record_id"])
    return found


def _messages(store: Store, version: str, ids: list[str]) -> pl.DataFrame:
    wanted = pl.Series(ids, dtype=pl.String)
    return store.read(version).among(wanted).frame("record_id", "messages").collect()


def removed_rows(
    store: Store, step: Version, ids: list[str], columns: list[str], pii: Version | None
) -> dict[str, dict[str, Any]]:
    """Rows (`columns`, messages among them) of records that `step` removed, cleared by the settings of the step `pii`.

    `text_hash` is that of the text as it was, before it was cleared.
    """
    assert step.parent is not None
    wanted = pl.Series(ids, dtype=pl.String)
    frame = store.read(step.parent).among(wanted).frame("record_id", *columns).collect()
    rows = {row["record_id"]: row for row in frame.to_dicts()}
    for name, messages in cleared_by({name: row["messages"] for name, row in rows.items()}, pii).items():
        rows[name]["messages"] = messages
    return rows
