"""All answers of an Argilla dataset by raw REST, counted against what the server says of its progress."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from curation.desk.answers import DISCARDED, DRAFT, SUBMITTED, Answer
from curation.desk.client import Client
from curation.desk.show import shown_hash
from data.errors import UserError
from data.progress import progress

TRIES = 3


def download(client: Client, dataset_id: str, pushed: dict[str, str]) -> list[Answer]:
    """The answers as they are now. `pushed` is item -> digest of what was shown.

    Somebody may answer while pages are read: it is read again then, and an error if the counts never fit.
    """
    for _ in range(TRIES):
        with progress("Pulling", total=client.progress(dataset_id)["total"]) as advance:
            records = []
            for record in client.records(dataset_id):
                records.append(record)
                advance(1)
        problem = mismatch(records, client.progress(dataset_id), client.users_progress(dataset_id))
        if not problem:
            return [answer for record in records for answer in answers_in(record, pushed)]
        time.sleep(0.5)
    raise UserError(
        f"what was read does not fit what the server counts: {problem}",
        "nothing was taken over; people may be labelling just now: pull again",
    )


def mismatch(records: list[dict[str, Any]], counted: dict[str, Any], users: list[dict[str, Any]]) -> str:
    """Where the records that were read differ from the server's own counts; empty where they do not."""
    read = Counter(response["status"] for record in records for response in record["responses"])
    said: Counter[str] = Counter()
    for user in users:
        for part in ("completed", "pending"):
            for status in (SUBMITTED, DRAFT, DISCARDED):
                said[status] += user[part][status]
    completed = sum(record["status"] == "completed" for record in records)
    pairs = {
        "records": (len(records), counted["total"]),
        "completed records": (completed, counted["completed"]),
        **{f"{status} answers": (read[status], said[status]) for status in (SUBMITTED, DRAFT, DISCARDED)},
    }
    return ", ".join(
        f"{have:,} {what} read, {count:,} counted" for what, (have, count) in pairs.items() if have != count
    )


def answers_in(record: dict[str, Any], pushed: dict[str, str]) -> list[Answer]:
    """The answers to one record of the server's; stale where it shows anything but what was `pushed`."""
    item = str(record["external_id"])
    stale = shown_hash(record["fields"]) != pushed.get(item)
    return [
        Answer(
            response=str(one["id"]),
            item=item,
            person=f"argilla:{one['user_id']}",
            status=one["status"],
            values={name: part["value"] for name, part in (one["values"] or {}).items()},
            answered=_time(one["updated_at"]),
            stale=stale,
        )
        for one in record["responses"]
    ]


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
