"""Texts that this process itself put into the store: where they are few, every stage reads them from here.

The store's own table is searched as a whole for the texts of a handful of new records, at every stage anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import polars as pl

from data.records import MESSAGES

# Beyond so many texts none is held.
MOST = 50_000
VIEW = "fresh_texts"


class Fresh:
    """The texts (text_hash, messages) that came in so far; None in `texts` where they were too many."""

    def __init__(self) -> None:
        self.texts: pl.DataFrame | None = pl.DataFrame(schema={"text_hash": pl.String, "messages": MESSAGES})

    def add(self, texts: pl.DataFrame) -> None:
        """Hold these texts too."""
        if self.texts is not None:
            many = self.texts.height + texts.height > MOST
            self.texts = None if many else pl.concat([self.texts, texts]).unique("text_hash")

    def view_of(self, hashes: pl.Series) -> dict[str, pl.DataFrame]:
        """VIEW with all held texts, to be registered on a connection, if those of `hashes` are among them."""
        if self.texts is None or not hashes.is_in(self.texts["text_hash"].implode()).all():
            return {}
        return {VIEW: self.texts}


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, views: dict[str, pl.DataFrame]) -> Iterator[None]:
    """Let queries on `connection` read these frames by their names within the block, and not after it."""
    for name, frame in views.items():
        connection.register(name, frame)
    try:
        yield
    finally:
        for name in views:
            connection.unregister(name)
