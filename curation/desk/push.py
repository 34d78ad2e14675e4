"""`python -m curation.desk push`: records that a person should see go to the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl
from rich.console import Console

from curation.desk import sheet
from curation.desk.client import Client
from curation.desk.config import DeskCommand, existing_store
from curation.desk.items import detector, items_of, read_gold
from curation.desk.questions import fingerprint, plain, restored
from curation.desk.select import needed_for_bound
from curation.desk.server.reach import reach
from curation.desk.settings import OF_EVALUATION, Kind, LabellingConfig, QuestionsConfig, Select, Use
from curation.desk.show import Item
from curation.desk.upload import MARK, Plan, carry_out, make_dataset, plan
from data.annotations import DeskDataset
from data.commands import spelt
from data.errors import UserError
from data.progress import progress
from data.records import canonical_json, digest
from data.scrubbed import demand_scrubbed, scrubbed
from data.store import Store


def push(command: DeskCommand) -> None:
    """Select, refuse what is not scrubbed, and write to the server or to the file."""
    console = Console()
    with existing_store(command) as store:
        prepared, version, items = prepare(store, command, console)
        clear = command.selection in OF_EVALUATION or scrubbed(store.lineage(version))
        asked = {**plain(prepared.questions), "selected": prepared.selection.value}
        dataset = DeskDataset(
            dataset=prepared.named,
            place="",
            version=version,
            scrubbed=clear,
            questions=asked,
            overlap=prepared.overlap,
        )
        upload = send(store, command, prepared, dataset, items, console)
    upload()  # minutes for many records; others may use the store meanwhile


def prepare(store: Store, command: DeskCommand, console: Console) -> tuple[LabellingConfig, str, list[Item]]:
    """The configuration with its labels filled in, the version that is shown, and its items. Raises UserError."""
    if not command.questions.ask:
        raise UserError(
            "push has no questions", "choose a set: questions=keep   python -m curation.desk --help"
        )
    config = with_labels(store, command)
    marking = any(q.use is Use.mask for q in config.questions.ask.values())
    by_nature = config.selection is Select.pii and marking
    if config.selection not in OF_EVALUATION and not by_nature:
        demand_scrubbed(
            store, config.version, what="show people", allow=config.allow_unscrubbed, override="allow_unscrubbed=true"
        )  # fmt: skip
    version, items = items_of(store, config)
    if by_nature:
        console.print(
            "These texts hold personal data as it was read, since people are to say whether all of it is found. "
            "Whoever labels them must be allowed to see it.",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
    known, mixed = read_gold(config), sum(bool(item.gold) for item in items)
    if mixed < len(known):  # what people left out after an earlier push, or a mistyped id
        console.print(
            f"{config.gold}: {len(known) - mixed:,} of {len(known):,} records are not in {version}; "
            f"{mixed:,} known answers are mixed in",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip
    if config.selection is Select.sample and marking:
        needed = needed_for_bound(config.leak_bound)
        note = "" if len(items) >= needed else f"; this is {len(items):,}: rows={needed}"
        console.print(
            f"If nothing is found in {needed:,} records drawn by chance, below {config.leak_bound:.3%} of all have "
            f"something (95 %){note}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    return config, version, items


def with_labels(store: Store, config: LabellingConfig) -> LabellingConfig:
    """`config` with what the version adds: its classes, where a question about the class names none; its pii types.

    Raises UserError.
    """
    ask = dict(config.questions.ask)
    for name, question in ask.items():
        if question.use is Use.mask:
            types = detector(store, store.resolve(config.version)).entities
            more = [one for one in types if one not in question.labels]
            ask[name] = replace(question, labels=[*question.labels, *more])
        if question.use is Use.label and not question.labels:
            found = store.read(store.resolve(config.version)).frame("label").collect()["label"].drop_nulls()
            labels = sorted(found.unique())
            if not 2 <= len(labels) <= 250:
                raise UserError(
                    f"the version has {len(labels)} different labels",
                    f"name those to choose from: questions.ask.{name}.labels=[a,b]",
                )
            ask[name] = replace(question, labels=labels)
    return replace(config, questions=replace(config.questions, ask=ask))


def send(
    store: Store,
    command: DeskCommand,
    config: LabellingConfig,
    dataset: DeskDataset,
    items: list[Item],
    console: Console,
) -> Callable[[], None]:
    """Write what is asked to the store; the value writes the items to the file or server that `command` names."""
    if command.desk.file:
        dataset.place = f"file:{sheet.path_of(command.desk)}"
        sheet.check(command.desk)
        _check_known(store, dataset)
        keep(store, dataset, items)
        return partial(_write_file, command, config.questions, dataset, items, console)
    with Client(reach(command.desk)) as client:
        found = find_or_make(store, client, command, config, dataset.dataset, console)
        _check_members(client, found["workspace_id"], command.desk.workspace, console)
        dataset.dataset, dataset.place = found["name"], f"argilla:{found['id']}"
        planned = plan(client, found["id"], items, config.batch)
    # The store first: what it knows and the server lacks does no harm, and the next push brings it.
    keep(store, dataset, [item for item, _ in planned.writes])
    return partial(_upload, command, dataset.dataset, found["id"], planned, console)


def _check_members(client: Client, workspace_id: str, name: str, console: Console) -> None:
    """Say so where nobody but owners can open the dataset."""
    if all(user["role"] == "owner" for user in client.workspace_users(workspace_id)):
        console.print(
            f"no annotator is a member of the workspace {name}, so only owners see this",
            "add them on Argilla's page under Settings, or start the desk with them: "
            f"python -m curation.desk up desk.workspace={name}",
            sep="\n  ", style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip


def _write_file(
    command: DeskCommand,
    questions: QuestionsConfig,
    dataset: DeskDataset,
    items: list[Item],
    console: Console,
) -> None:
    rows = sheet.write(command.desk, questions, items)
    console.print(
        f"{dataset.dataset}: {rows:,} items in {sheet.path_of(command.desk)}", highlight=False, soft_wrap=True
    )
    hint = f"python -m curation.desk pull dataset={dataset.dataset} desk.file='{command.desk.file}'"
    console.print(
        f"next: fill in annotator and answers, one copy of the file a person, then   "
        f"{spelt(hint, command.store.path)}",
        style="dim", highlight=False, soft_wrap=True,
    )  # fmt: skip


def _upload(command: DeskCommand, name: str, dataset_id: str, planned: Plan, console: Console) -> None:
    with Client(reach(command.desk)) as client:
        with progress(f"Pushing to {name}", total=len(planned.writes)) as advance:
            carry_out(client, dataset_id, planned, advance)
        url = client.url
    counts = {
        "new": len(planned.new),
        "with new suggestions": len(planned.refreshed),
        "with a new text": len(planned.replaced),
        "beside an answered one whose text was another": len(planned.beside),
        "unchanged": planned.unchanged,
        "left for the next push": planned.later,
    }
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    console.print(f"{name}: {told or 'nothing to do'}", highlight=False, soft_wrap=True)
    console.print(f"{url}/dataset/{dataset_id}/annotation-mode", style="dim", highlight=False, soft_wrap=True)


def keep(store: Store, dataset: DeskDataset, items: list[Item]) -> None:
    """Remember what was asked. Texts are not kept a second time: of a suggested text only its digest."""
    known = {one.dataset: one for one in store.desk_datasets()}.get(dataset.dataset)
    dataset.created = known.created if known else None
    if known is not None:  # the first version stays the one that agreement is reported for
        dataset.version, dataset.scrubbed = known.version, known.scrubbed and dataset.scrubbed
    store.save_desk_dataset(dataset)
    kinds = {one["question"]: one["kind"] for one in dataset.questions["ask"]}
    rows = [
        {
            "item": item.item,
            "record_id": item.record_id,
            "text_hash": item.text_hash,
            "shown_hash": item.shown_hash,
            "why": item.why,
            "suggestions": canonical_json(
                {
                    name: [_kept(s.value, kinds[name]), s.agent, s.score]
                    for name, s in item.suggestions.items()
                }
            ),
            "hidden": canonical_json(item.hidden),
            "gold": canonical_json(item.gold) if item.gold else None,
        }
        for item in items
    ]
    if rows:
        store.add_desk_items(dataset.dataset, pl.DataFrame(rows, infer_schema_length=None))


def _kept(value: Any, kind: str) -> Any:
    return {"digest": digest(value)} if kind == Kind.text.value else value


def find_or_make(
    store: Store, client: Client, command: DeskCommand, config: LabellingConfig, name: str, console: Console
) -> dict[str, Any]:
    """The server's dataset `name` if it asks the same, else a new one: `name`, `name-2`, ...

    Its guidelines and overlap are brought up to date.
    """
    workspace = client.workspace(command.desk.workspace)
    there = {one["name"]: one for one in client.datasets(workspace)}
    known = {one.dataset: one for one in store.desk_datasets()}
    number = 1
    while True:
        tried = name if number == 1 else f"{name}-{number}"
        found, ours = there.get(tried), known.get(tried)
        if found is None and ours is None:
            if number > 1:
                console.print(
                    f"{name} asks something else, or is elsewhere: this one is {tried}",
                    highlight=False, soft_wrap=True,
                )  # fmt: skip
            return make_dataset(client, tried, workspace, config)
        same = found is not None and (found.get("metadata") or {}).get(MARK) == fingerprint(config.questions)
        mine = ours is not None and found is not None and ours.place == f"argilla:{found['id']}"
        # A push that was interrupted after making the dataset left it empty.
        if found is not None and same and (mine or client.progress(found["id"])["total"] == 0):
            return _up_to_date(client, found, config, console)
        number += 1


def _up_to_date(
    client: Client, found: dict[str, Any], config: LabellingConfig, console: Console
) -> dict[str, Any]:
    wanted = {
        "guidelines": config.questions.guidelines or None,
        "distribution": {"strategy": "overlap", "min_submitted": config.overlap},
    }
    changes = {key: value for key, value in wanted.items() if found.get(key) != value}
    if "distribution" in changes:
        before = found["distribution"]["min_submitted"]
        console.print(
            f"{found['name']}: each item is wanted from {config.overlap} people from now on, before from {before} "
            f"(as before: overlap={before})",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip
    return client.update_dataset(found["id"], changes) if changes else found


def _check_known(store: Store, dataset: DeskDataset) -> None:
    """Raise UserError where the store knows another dataset of this name."""
    for known in store.desk_datasets():
        if known.dataset == dataset.dataset and (
            known.place != dataset.place
            or fingerprint(restored(known.questions)) != fingerprint(restored(dataset.questions))
        ):
            raise UserError(
                f"the dataset {dataset.dataset} is known already, in another place or with other questions",
                f"give this one a name: dataset={dataset.dataset}-2",
            )
