"""Work that was put off when the last server ended: its Redis lived in the server's memory."""

from __future__ import annotations


async def requeue() -> int:
    """Queue the status of the records of each dataset where one differs from its answers; the datasets queued.

    A record is completed once it has as many submitted answers as the dataset wants (`min_submitted`).
    """
    from argilla_server.database import AsyncSessionLocal
    from argilla_server.enums import RecordStatus, ResponseStatus
    from argilla_server.jobs.dataset_jobs import update_dataset_records_status_job
    from argilla_server.models import Dataset, Record, Response
    from sqlalchemy import func, select

    submitted = (
        select(func.count())
        .where(Response.record_id == Record.id, Response.status == ResponseStatus.submitted)
        .scalar_subquery()
    )
    wanted = func.json_extract(Dataset.distribution, "$.min_submitted")
    completed = Record.status == RecordStatus.completed
    statement = (
        select(Dataset.id)
        .join(Record, Record.dataset_id == Dataset.id)
        .where((submitted >= wanted) != completed)
        .distinct()
    )
    async with AsyncSessionLocal() as db:
        datasets = (await db.execute(statement)).scalars().all()
    for dataset in datasets:
        update_dataset_records_status_job.delay(dataset)
    return len(datasets)
