"""Items go to an Argilla dataset: new ones are written, known ones get new suggestions, and no answer loses its text.

Writing an external id again changes the text of the record under the answers that it has, without a word. So what is
to be shown is compared with what is there, and:

    not there            written
    same digest          only its suggestions are brought up to date, and stale ones deleted
    other, no answer     text, metadata and suggestions are replaced
    other, with answers  written as one more record, `ID~DIGEST`; the answered one stays as it was answered
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from curation.desk.client import Client
from curation.desk.questions import argilla_fields, argilla_questions, fingerprint
from curation.desk.settings import LabellingConfig, QuestionsConfig
from curation.desk.show import Item, shown_hash

Json = dict[str, Any]
MARK = "tuneproof"


@dataclass(slots=True)
class Plan:
    """What is to be done; lists of (item, record for the server).

    new, refreshed, replaced, beside   as the cases above; `later`: new ones beyond `batch`
    stale       record id -> suggestions to delete
    """

    new: list[tuple[Item, Json]] = field(default_factory=list)
    refreshed: list[tuple[Item, Json]] = field(default_factory=list)
    replaced: list[tuple[Item, Json]] = field(default_factory=list)
    beside: list[tuple[Item, Json]] = field(default_factory=list)
    unchanged: int = 0
    later: int = 0
    stale: dict[str, list[str]] = field(default_factory=dict)

    @property
    def writes(self) -> list[tuple[Item, Json]]:
        """All that is written."""
        return [*self.replaced, *self.new, *self.beside, *self.refreshed]


def dataset_settings(name: str, workspace_id: str, config: LabellingConfig) -> Json:
    """A new dataset, marked as ours by the fingerprint of its questions."""
    return {
        "name": name,
        "workspace_id": workspace_id,
        "guidelines": config.questions.guidelines or None,
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": config.overlap},
        "metadata": {MARK: fingerprint(config.questions)},
    }


def make_dataset(client: Client, name: str, workspace_id: str, config: LabellingConfig) -> Json:
    """Make and publish the dataset."""
    names = ["source", "why", *config.show]
    metadata: list[Json] = [
        {"name": one, "title": one, "settings": {"type": "terms"}, "visible_for_annotators": True}
        for one in dict.fromkeys(names)
    ]
    metadata.append(
        {"name": "score", "title": "score", "settings": {"type": "float"}, "visible_for_annotators": True}
    )
    questions: QuestionsConfig = config.questions
    return client.create_dataset(
        dataset_settings(name, workspace_id, config),
        argilla_fields(questions.layout),
        argilla_questions(questions),
        metadata,
    )


def plan(client: Client, dataset_id: str, items: list[Item], batch: int) -> Plan:
    """Compare the items with what is there. Changes nothing."""
    ids = {one["name"]: str(one["id"]) for one in client.questions(dataset_id)}
    there = {record["external_id"]: record for record in client.records(dataset_id)}
    result = Plan()
    for item in items:
        known = there.get(item.item)
        if known is not None and shown_hash(known["fields"]) != item.shown_hash and known["responses"]:
            item.item = f"{item.item}~{item.shown_hash[:8]}"
            known = there.get(item.item)
            kind = result.beside
        elif known is not None:
            kind = result.replaced
        else:
            kind = result.new
        record = _record(item, ids)
        if known is None:
            kind.append((item, record))
        else:
            _known(result, item, record, known)
    if batch and len(result.new) > batch:
        result.later = len(result.new) - batch
        del result.new[batch:]
    return result


def _known(result: Plan, item: Item, record: Json, known: Json) -> None:
    wanted = {s["question_id"] for s in record["suggestions"]}
    stale = [str(s["id"]) for s in known["suggestions"] if str(s["question_id"]) not in wanted]
    if stale:
        result.stale[str(known["id"])] = stale
    if shown_hash(known["fields"]) != item.shown_hash:
        result.replaced.append((item, record))
    elif _suggested(known["suggestions"]) != _suggested(record["suggestions"]):
        # Without fields and metadata the server leaves both as they are.
        result.refreshed.append((item, {"external_id": item.item, "suggestions": record["suggestions"]}))
    else:
        result.unchanged += 0 if stale else 1


def _suggested(suggestions: list[Json]) -> dict[str, tuple[Any, Any, Any]]:
    return {str(s["question_id"]): (s["value"], s.get("agent"), s.get("score")) for s in suggestions}


def _record(item: Item, question_ids: dict[str, str]) -> Json:
    return {
        "external_id": item.item,
        "fields": item.fields,
        "metadata": {**item.metadata, "text_hash": item.text_hash, "shown_hash": item.shown_hash},
        "suggestions": [
            {
                "question_id": question_ids[name],
                "value": one.value,
                "agent": one.agent,
                **({} if one.score is None else {"score": one.score}),
            }
            for name, one in item.suggestions.items()
        ],
    }


def carry_out(client: Client, dataset_id: str, planned: Plan, advance: Callable[[int], None]) -> None:
    """Do what was planned. After an interruption, planning and doing again goes on from there."""
    if planned.replaced:
        # Somebody may have answered since it was planned; the next push writes such a text beside the answered one.
        answered = {one["external_id"] for one in client.records(dataset_id) if one["responses"]}
        before = len(planned.replaced)
        planned.replaced = [pair for pair in planned.replaced if pair[0].item not in answered]
        planned.later += before - len(planned.replaced)
    for record_id, suggestions in planned.stale.items():
        client.delete_suggestions(record_id, suggestions)
    for done in client.upsert_records(dataset_id, [record for _, record in planned.writes]):
        advance(done)
