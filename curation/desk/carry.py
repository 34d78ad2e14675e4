"""People's decisions as a step of the store: made again wherever the same texts come by.

The step is a function of all answers that the store holds, and of nothing that was done before: an answer that was
taken back is taken back in the next step too. A decision is about a text: where the record has another one by now, it
says nothing. Of several datasets that decide about a record the youngest one counts (an adjudication comes after).
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from conf.app import restored
from curation.desk.decide import REASONS, STAGE, Decision, Terms, decide, later
from curation.desk.questions import restored as question_set
from curation.desk.settings import Rule
from curation.desk.show import masked, rewritten
from curation.stages import code_digest
from curation.steps import Step
from data.records import FrameRecords, Message, canonical_json, digest, text_hash
from data.scrubbed import scrubbed as cleared
from data.store import Store
from data.verdicts import Action, Verdicts, verdicts
from data.versions import Version

ACTIONS = {"desk_dropped": Action.drop, "desk_rewritten": Action.edit, "desk_masked": Action.edit}


def last_terms(store: Store) -> Terms | None:
    """The terms of the newest step of the desk; None where no answers were ever applied."""
    steps = [version for version in store.versions() if version.stage == STAGE]
    if not steps:
        return None
    config = steps[-1].config
    return Terms(Rule(config["rule"]), config["min_answers"], config["drop_below"])


def carry(store: Store, parent: str, terms: Terms, *, scrubbed: bool | None = None) -> Step | None:
    """The desk's step on `parent`, by all answers of the store; None where they say nothing of its texts.

    `scrubbed`: only what people said of texts that were, or were not, cleared of personal data.
    """
    started = time.perf_counter()
    decided = decisions(store, parent, terms, scrubbed)
    if not decided:
        return None
    said = as_verdicts(store, parent, decided)
    config = {
        **terms.plain(),
        "answers": digest(canonical_json([asdict(one) for one in decided]), hex_digits=16),
    }
    code = code_digest(Path(__file__).parent / "decide.py")
    reused = store.made(parent, stage=STAGE, config=config, code=code) is not None
    made = store.apply(
        parent, stage=STAGE, config=config, code=code, verdicts=said, reasons=REASONS, started=started
    )
    return Step(STAGE, made, reused, time.perf_counter() - started)


def decisions(store: Store, version: str, terms: Terms, scrubbed: bool | None = None) -> list[Decision]:
    """What the answers of the store decide about the records of `version` as they are there, by record_id."""
    by_record: dict[str, Decision] = {}
    present = None
    for dataset in store.desk_datasets():
        if scrubbed is not None and dataset.scrubbed != scrubbed:
            continue
        answers = store.answers_of(dataset.dataset).filter(pl.col("text_hash") != "")
        if answers.is_empty():
            continue
        if present is None:
            present = store.query(
                """SELECT m.record_id, m.text_hash, r.label FROM members m JOIN records r USING (record_id)
                WHERE m.version = ? AND m.record_id IN (SELECT record_id FROM annotations)""",
                [version],
            )
        here = answers.join(present, on=["record_id", "text_hash"], how="semi")
        labels = dict(present.select("record_id", "label").iter_rows())
        found = decide(question_set(dataset.questions), dataset.overlap, here, terms, labels)
        found = _without_idle(store, version, found)
        by_record |= {one.record_id: later(by_record.get(one.record_id), one) for one in found}
    return [by_record[record_id] for record_id in sorted(by_record)]


def _without_idle(store: Store, version: str, found: list[Decision]) -> list[Decision]:
    """The decisions, those that write the very text that is there as confirming it: they stand in no other's way."""
    written = [one.record_id for one in found if one.text is not None]
    before = _messages(store, version, written)
    return [
        replace(one, reason="desk_confirmed", text=None)
        if one.text is not None
        and text_hash(rewritten(before[one.record_id], one.text)) == text_hash(before[one.record_id])
        else one
        for one in found
    ]


def _messages(store: Store, version: str, record_ids: list[str]) -> dict[str, list[Message]]:
    if not record_ids:
        return {}
    among = store.read(version).among(pl.Series(record_ids, dtype=pl.String))
    return dict(among.frame("record_id", "messages").collect().iter_rows())


def as_verdicts(store: Store, version: str, decided: list[Decision]) -> Verdicts:
    """The decisions as verdicts on `version`. What people wrote is cleared of personal data as the version was."""
    changing = [one for one in decided if ACTIONS.get(one.reason) is Action.edit]
    before = _messages(store, version, [one.record_id for one in changing])
    after = {
        one.record_id: rewritten(before[one.record_id], one.text)
        if one.text is not None
        else masked(before[one.record_id], one.spans)
        for one in changing
    }
    written = {one.record_id: after[one.record_id] for one in changing if one.text is not None}
    after |= cleared_by(written, pii_step(store.lineage(version)))
    return verdicts([_verdict(one, before.get(one.record_id), after.get(one.record_id)) for one in decided])


def _verdict(one: Decision, before: list[Message] | None, after: list[Message] | None) -> dict[str, Any]:
    verdict = {"record_id": one.record_id, "score": one.score, "detail": one.detail, "value": one.value}
    if after is not None and before is not None and text_hash(after) == text_hash(before):
        return {**verdict, "action": Action.tag, "reason": "desk_confirmed"}
    return {
        **verdict,
        "action": ACTIONS.get(one.reason, Action.tag),
        "reason": one.reason,
        "messages": after,
    }


def cleared_by(messages: dict[str, list[Message]], step: Version | None) -> dict[str, list[Message]]:
    """Those of the messages in which the settings of the pii `step` find something, with it replaced."""
    if step is None or not messages:
        return {}
    from curation.pii import judge
    from curation.pii.config import PiiConfig

    records = FrameRecords.of(*({"record_id": name, "messages": own} for name, own in messages.items()))
    said = judge(records, restored(PiiConfig, step.config)).filter(pl.col("action") == Action.edit.value)
    return dict(said.select("record_id", "messages").iter_rows())


def pii_step(lineage: list[Version]) -> Version | None:
    """The youngest step that replaced personal data."""
    return next((v for v in reversed(lineage) if cleared([v])), None)


def carry_before(store: Store, parent: str, following: str, terms: Terms | None) -> Step | None:
    """In a pipeline, before the stage `following`: before `pii`, what people said of texts that it has not seen yet."""
    if terms is None or following != "pii":
        return None
    return carry(store, parent, terms, scrubbed=False)


def carry_after(store: Store, parent: str, terms: Terms | None) -> Step | None:
    """In a pipeline, after the last stage: what people said of texts as they are by then."""
    if terms is None:
        return None
    return carry(store, parent, terms, scrubbed=True if cleared(store.lineage(parent)) else None)
