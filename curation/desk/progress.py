"""How far the labelling is: totals, each annotator, the pace, when it ends, and which items still lack answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from curation.desk import sheet
from curation.desk.answers import DISCARDED, DRAFT, SUBMITTED, Answer
from curation.desk.client import Client
from curation.desk.config import DeskCommand
from curation.desk.download import answers_in
from curation.desk.questions import restored
from curation.desk.server.reach import reach
from data.errors import UserError
from data.store import Store

# Longer pauses are not time spent labelling.
LONGEST_PAUSE = timedelta(minutes=10)
# Fewer answers, or less time since the first one, and no end is foretold.
FEWEST_ANSWERS, SHORTEST_TIME = 10, timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Person:
    """One annotator: answers by status, answers an hour of labelling (None: too few), the last answer."""

    name: str
    submitted: int
    draft: int
    discarded: int
    per_hour: float | None
    last: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """A dataset at a moment.

    missing     answers that are still wanted, so that each item has `overlap`
    short       how many answers an item has -> how many items have so few (below `overlap`)
    ends        when it is done if it goes on as it did since the first answer; None: cannot be said
    """

    total: int
    completed: int
    overlap: int
    missing: int
    short: dict[int, int]
    people: list[Person]
    ends: datetime | None


def measure(items: Sequence[str], answers: Sequence[Answer], overlap: int, now: datetime) -> Progress:
    """Progress of a dataset from its items and all of their answers; times in UTC without zone."""
    submitted = [answer for answer in answers if answer.status == SUBMITTED]
    counts = Counter(answer.item for answer in submitted)
    short = Counter(counts[item] for item in items if counts[item] < overlap)
    missing = sum((overlap - count) * n for count, n in short.items())
    by_person: dict[str, list[Answer]] = {}
    for answer in answers:
        by_person.setdefault(answer.person, []).append(answer)
    return Progress(
        total=len(items),
        completed=len(items) - sum(short.values()),
        overlap=overlap,
        missing=missing,
        short=dict(sorted(short.items())),
        people=sorted(
            (_person(name, own) for name, own in by_person.items()), key=lambda p: (-p.submitted, p.name)
        ),
        ends=_end(submitted, missing, now),
    )


def _person(name: str, answers: list[Answer]) -> Person:
    statuses = Counter(answer.status for answer in answers)
    times = sorted(answer.answered for answer in answers)
    pauses = [min(b - a, LONGEST_PAUSE) for a, b in pairwise(times)]
    spent = sum(pauses, timedelta()).total_seconds()
    per_hour = len(pauses) * 3600 / spent if len(pauses) >= FEWEST_ANSWERS - 1 and spent else None
    return Person(name, statuses[SUBMITTED], statuses[DRAFT], statuses[DISCARDED], per_hour, times[-1])


def _end(submitted: list[Answer], missing: int, now: datetime) -> datetime | None:
    if not missing or len(submitted) < FEWEST_ANSWERS:
        return None
    since = now - min(answer.answered for answer in submitted)
    return now + since * (missing / len(submitted)) if since >= SHORTEST_TIME else None


def show_progress(command: DeskCommand, console: Console) -> None:
    """Print the progress of the dataset that `command` names, else of every dataset in the workspace."""
    with Client(reach(command.desk)) as client:
        workspace = client.workspace(command.desk.workspace)
        found = [one for one in client.datasets(workspace) if command.dataset in ("", one["name"])]
        if command.dataset and not found:
            raise UserError(
                f"the workspace {command.desk.workspace} has no dataset '{command.dataset}'",
                "list them all: python -m curation.desk status",
            )
        names = {f"argilla:{user['id']}": user["username"] for user in client.workspace_users(workspace)}
        for one in sorted(found, key=lambda one: str(one["name"])):
            records = list(client.records(one["id"]))
            answers = [answer for record in records for answer in answers_in(record, {})]
            overlap = one["distribution"]["min_submitted"]
            now = datetime.now(UTC).replace(tzinfo=None)
            show(
                one["name"],
                measure([r["external_id"] for r in records], answers, overlap, now),
                names,
                console,
            )


def show_sheets(command: DeskCommand, console: Console) -> None:
    """The same of datasets that are labelled in files."""
    with Store.open(command.store.path, read_only=True) as store:
        for one in store.desk_datasets():
            if not one.place.startswith("file:") or command.dataset not in ("", one.dataset):
                continue
            items = {row["item"]: row for row in store.desk_items(one.dataset).to_dicts()}
            desk = replace(command.desk, file=command.desk.file or one.place.removeprefix("file:"))
            answers = sheet.read(desk, one.dataset, restored(one.questions), items)
            now = datetime.now(UTC).replace(tzinfo=None)
            show(one.dataset, measure(list(items), answers, one.overlap, now), {}, console)


def show(name: str, progress: Progress, names: dict[str, str], console: Console) -> None:
    """One dataset, in 80 columns."""
    share = f"{progress.completed / progress.total:.0%}" if progress.total else "nothing pushed"
    console.print(
        f"\n[bold]{name}[/]  {progress.completed:,} of {progress.total:,} items done ({share}), "
        f"{progress.overlap} {'answer' if progress.overlap == 1 else 'answers'} each",
        highlight=False,
    )
    if progress.people:
        table = Table(show_edge=False, pad_edge=False, header_style="bold")
        table.add_column("annotator", overflow="fold")
        for column in ("submitted", "draft", "discarded", "an hour"):
            table.add_column(column, justify="right")
        table.add_column("last answer (UTC)", no_wrap=True)
        for person in progress.people:
            pace = "–" if person.per_hour is None else f"{person.per_hour:,.0f}"
            table.add_row(
                names.get(person.name, person.name), f"{person.submitted:,}", f"{person.draft:,}",
                f"{person.discarded:,}", pace, f"{person.last:%Y-%m-%d %H:%M}",
            )  # fmt: skip
        console.print(table)
    for count, items in progress.short.items():
        have = {0: "no answer", 1: "1 answer"}.get(count, f"{count} answers")
        console.print(f"{items:,} items have {have} of {progress.overlap}", highlight=False)
    if progress.missing:
        when = (
            "too early to say when"
            if progress.ends is None
            else f"done about {progress.ends:%Y-%m-%d %H:%M} UTC"
        )
        console.print(f"{progress.missing:,} answers are missing: {when}", highlight=False)
