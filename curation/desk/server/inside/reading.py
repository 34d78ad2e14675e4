"""Argilla's search of an annotator writes, and on SQLite whoever writes keeps all others from it.

Its route hides metadata that a user may not see by assigning the rest to the record, which the session takes for a
change: with the next query it is sent as an UPDATE, which locks the database until the request ends and is then rolled
back. With a few people at once requests fail with `database is locked`.
"""

from __future__ import annotations

from functools import wraps
from typing import Any


def keep_searches_reading() -> None:
    """Let the route's assignment be no change. To be called before the application serves."""
    from argilla_server.api.handlers.v1.datasets import records
    from sqlalchemy.orm.attributes import set_committed_value

    visible = records._filter_record_metadata_for_user

    @wraps(visible)
    async def unchanged(record: Any, user: Any) -> Any:
        metadata = await visible(record, user)
        # The route assigns the same once more, which then differs from nothing.
        set_committed_value(record, "metadata_", metadata)
        return metadata

    records._filter_record_metadata_for_user = unchanged
