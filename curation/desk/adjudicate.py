"""`python -m curation.desk adjudicate`: items on which annotators disagree go to one more person, who decides.

The adjudication is a dataset of its own, `NAME-adjudication`, with the same questions and one answer an item. It is
younger than the dataset that it is about, so what it says counts (see `carry`). What the others said is shown as
counts, without names; nothing is prefilled.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from rich.console import Console

from curation.desk.config import DeskCommand, existing_store
from curation.desk.pull import named_datasets
from curation.desk.push import send
from curation.desk.questions import restored
from curation.desk.reliability import units_of
from curation.desk.settings import OF_EVALUATION, Kind, QuestionsConfig, Use
from curation.desk.show import Item, fields_of
from data.annotations import DeskDataset
from data.errors import UserError
from data.scrubbed import demand_scrubbed
from data.store import Store

SUFFIX = "-adjudication"
# A question that nobody decides by does not send an item to adjudication.
DECIDING = (Use.fate, Use.mask, Use.label, Use.preference, Use.rating, Use.rewrite)
RATINGS_APART = 2


def adjudicate(command: DeskCommand) -> None:
    """Push the disagreements of the dataset that `command` names, or of all."""
    console = Console()
    uploads = []
    with existing_store(command) as store:
        # A dataset is asked for by name, and not twice: an adjudication is final.
        for dataset in [one for one in named_datasets(store, command) if not one.dataset.endswith(SUFFIX)]:
            # Of all datasets those are meant that can be adjudicated; by its name any other is refused.
            if not command.dataset and dataset.questions.get("selected") in OF_EVALUATION:
                continue
            items = disagreements(store, dataset)
            if not items:
                console.print(f"{dataset.dataset}: nobody disagrees", highlight=False)
                continue
            if dataset.scrubbed and dataset.version.startswith("v-"):
                demand_scrubbed(
                    store, dataset.version, what="show people", allow=command.allow_unscrubbed,
                    override="allow_unscrubbed=true",
                )  # fmt: skip
            questions = restored(dataset.questions)
            config = replace(command, questions=questions, overlap=1, batch=0)
            own = replace(dataset, dataset=dataset.dataset + SUFFIX, place="", overlap=1, created=None)
            uploads.append(send(store, command, config, own, items, console))
    for upload in uploads:
        upload()


def disagreements(store: Store, dataset: DeskDataset) -> list[Item]:
    """The items on which annotators differ in a question that decides, the most divided first."""
    questions = restored(dataset.questions)
    told: dict[str, list[str]] = {}
    for name, question in questions.ask.items():
        if question.use not in DECIDING:
            continue
        for item, unit in units_of(store, dataset.dataset, name, question.kind).items():
            if len(unit) > 1 and _differ(list(unit.values()), question.kind):
                told.setdefault(item, []).append(f"{name}: {_counted(list(unit.values()), question.kind)}")
    rows = {row["item"]: row for row in store.desk_items(dataset.dataset).to_dicts()}
    wanted = [rows[item] for item in told]
    if not wanted:
        return []
    if any(not row["text_hash"] for row in wanted):
        raise UserError(
            f"{dataset.dataset} is about answers of an evaluation: there is nothing to adjudicate",
            "who is preferred is counted over all items: python -m curation.desk pull",
        )
    texts = _messages(store, [row["text_hash"] for row in wanted])
    items = [
        _item(row, texts[row["text_hash"]], "; ".join(told[row["item"]]), questions)
        for row in wanted
        if row["text_hash"] in texts
    ]
    return sorted(items, key=lambda item: item.item)


def _item(row: dict[str, Any], messages: Any, told: str, questions: QuestionsConfig) -> Item:
    return Item(
        item=row["item"],
        record_id=row["record_id"],
        text_hash=row["text_hash"],
        fields=fields_of(messages, questions.layout),
        why=told,
        metadata={"source": "disagreement", "why": told},
    )


def _messages(store: Store, hashes: list[str]) -> dict[str, Any]:
    found = store.query("SELECT text_hash, messages FROM texts WHERE list_contains(?, text_hash)", [hashes])
    return dict(found.iter_rows())


def _differ(values: list[Any], kind: Kind) -> bool:
    if kind is Kind.rating:
        return bool(max(values) - min(values) >= RATINGS_APART)
    return len({json.dumps(_plain(value), sort_keys=True) for value in values}) > 1


def _plain(value: Any) -> Any:
    return sorted(json.dumps(one, sort_keys=True) for one in value) if isinstance(value, list) else value


def _counted(values: list[Any], kind: Kind) -> str:
    """What was said, without who: counts of labels and ratings; of marks and texts only how many differ."""
    if kind in (Kind.label_selection, Kind.rating):
        counts = sorted(Counter(map(str, values)).items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{value} x{count}" for value, count in counts)
    return f"{len({json.dumps(_plain(value), sort_keys=True) for value in values})} different answers"
