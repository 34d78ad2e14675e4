"""Bringing a removed record back: a new version from the step that removed it, and the later stages again."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import get_type_hints

from rich.console import Console

from conf.app import restored
from curation.config import CurationConfig
from curation.desk.carry import carry_after, carry_before, last_terms
from curation.desk.decide import STAGE as DESK
from curation.pipeline import run_stage
from curation.restore import REASONS, STAGE, keeping_latest, repeat
from curation.stages import STAGES, code_digest
from curation.steps import Step
from curation.summary import stage_table
from data.commands import spelt
from data.errors import StoreError
from data.forgotten import STAGE as FORGET
from data.forgotten import leave_out_forgotten
from data.lineage import story
from data.store import Store
from data.verdicts import Action, verdicts
from data.versions import Version


def undo(store: Store, name: str, because: str, version: str = "latest") -> list[Step]:
    """Restore the record that `name` begins and run the stages that came after its removal.

    They judge what they have judged before from memory, so that only the restored record costs work. A later stage
    may remove it again, for its own reason. Raises StoreError where the record is there, or was never removed.
    """
    record_id = story(store, name).record_id
    lineage = store.lineage(version)
    removed_in = _removal(store, record_id, lineage)
    parent = removed_in.parent
    assert parent is not None
    messages = store.read(parent, among=[record_id], readable=True).frame("messages").collect()["messages"]
    if messages.is_empty():
        raise StoreError(
            f"the text of {record_id} was erased: it cannot be brought back",
            "what happened to it: python -m data why " + record_id,
            "a purged text comes back where its source is read again: python -m curation source.path=FILE",
        )
    detail = because or "no reason was given"
    verdict = {
        "record_id": record_id, "action": Action.restore.value, "reason": "undo_restored", "detail": detail,
        "messages": messages[0].to_list(),
    }  # fmt: skip
    with keeping_latest(store):
        # After the undos that are there already: in the order in which they were asked for.
        place = lineage.index(removed_in)
        while place + 1 < len(lineage) and lineage[place + 1].stage == STAGE:
            place += 1
        made = store.apply(
            lineage[place].version,
            stage=STAGE,
            config={"record": record_id, "because": because},
            code=code_digest(Path(__file__)),
            verdicts=verdicts([verdict]),
            reasons=REASONS,
        )
        return [Step(STAGE, made, False, 0.0), *later_again(store, made, lineage, lineage[place].version)]


def show_undo(store: Store, config: CurationConfig, console: Console) -> None:
    """Undo what `config.undo` names, and print the steps and the record's place afterwards."""
    steps = undo(store, config.undo, config.because)
    record_id = story(store, config.undo).record_id
    console.print(stage_table(store, steps))
    last = steps[-1].version
    there = store.query("SELECT split FROM members WHERE version = ? AND record_id = ?", [last, record_id])
    if there.height:
        console.print(f"{record_id} is in {last} again, split {there['split'].item()}", highlight=False)
    else:
        console.print(
            f"{record_id} was brought back, and a later stage removed it again: "
            + spelt(f"python -m data why {record_id}", config.store.path),
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip


def _removal(store: Store, record_id: str, lineage: list[Version]) -> Version:
    last = lineage[-1].version
    inside = store.query("SELECT 1 AS x FROM members WHERE version = ? AND record_id = ?", [last, record_id])
    if inside.height:
        raise StoreError(f"{record_id} is in {last}", f"its story: python -m data why {record_id}")
    for version in reversed(lineage):
        dropped = store.query(
            "SELECT 1 AS x FROM verdicts WHERE version = ? AND record_id = ? AND action = 'drop'",
            [version.version, record_id],
        )
        if dropped.height:
            return version
    raise StoreError(
        f"{record_id} was never in the history of {last}",
        "name the version that it was removed from: python -m curation undo=RECORD, after "
        "python -m data versions",
    )


def later_again(store: Store, made: str, lineage: list[Version], after: str) -> list[Step]:
    """On `made`, the stages of `lineage` that came after its version `after`, with the configurations they had."""
    steps: list[Step] = []
    # Records that were erased on request are in the older version still, without texts: they stay out.
    if (without := leave_out_forgotten(store, made)) is not None:
        steps.append(Step(FORGET, without, False, 0.0))
    terms = last_terms(store)
    later = lineage[[v.version for v in lineage].index(after) + 1 :]
    # The last one has none that follows; where the removing step was the last, there is nothing to do.
    for old, following in zip_longest(later, later[1:]):
        parent = steps[-1].version if steps else made
        if old.stage == DESK:
            name = following.stage if following else ""
            step = carry_before(store, parent, name, terms) if name else carry_after(store, parent, terms)
            steps += [step] if step else []
            continue
        if old.stage == FORGET:
            continue
        if old.stage == STAGE:
            if step := repeat(store, parent, old):
                steps.append(step)
            continue
        schema = get_type_hints(CurationConfig)[old.stage]
        steps.append(run_stage(store, parent, STAGES[old.stage], restored(schema, old.config)))
    return steps
