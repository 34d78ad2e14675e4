"""What people brought back stays back: an undo is repeated wherever its record is removed again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from curation.steps import Step
from data.store import Store
from data.verdicts import Verdicts
from data.versions import Version

STAGE = "undo"
REASONS = {"undo_restored": "a person brought the record back"}


def repeat(store: Store, parent: str, undo: Version) -> Step | None:
    """The step `undo` on `parent`, for the records that `parent`'s stage removed; None where there are none."""
    started = time.perf_counter()
    said = store.verdicts(undo.version)
    ids = said["record_id"].to_list()
    # Without a removal in this very stage there is nothing to undo: the row may be gone from the source.
    removed = set(
        store.query(
            "SELECT record_id FROM verdicts WHERE version = ? AND action = 'drop' AND record_id IN (SELECT unnest(?))",
            [_judged(store, parent), ids],
        )["record_id"]
    )
    wanted = said.filter(pl.col("record_id").is_in(list(removed - store.present(parent, ids))))
    wanted = _with_texts(store, parent, wanted)
    if wanted.is_empty():
        return None
    reused = store.made(parent, stage=STAGE, config=undo.config, code=undo.code) is not None
    made = store.apply(
        parent, stage=STAGE, config=undo.config, code=undo.code, verdicts=wanted, reasons=REASONS
    )
    return Step(STAGE, made, reused, time.perf_counter() - started)


def _with_texts(store: Store, version: str, said: Verdicts) -> Verdicts:
    """The verdicts, where a text was erased with what the stage saw of the record now; without it they are left out."""
    lost = said.filter(pl.col("messages").is_null())["record_id"].to_list()
    above = store.version(_judged(store, version)).parent
    if not lost or above is None:
        return said
    seen = store.read(above, among=lost, readable=True).frame("record_id", "messages").collect()
    mended = said.join(seen, on="record_id", how="left", suffix="_seen", maintain_order="left")
    mended = mended.with_columns(messages=pl.coalesce("messages", "messages_seen")).select(said.columns)
    return mended.filter(pl.col("messages").is_not_null())


def _judged(store: Store, version: str) -> str:
    """The version that a stage made, below the undos on it."""
    found = store.version(version)
    while found.stage == STAGE and found.parent is not None:
        found = store.version(found.parent)
    return found.version


def undos(store: Store) -> dict[str, list[Version]]:
    """Every undo of the store, oldest first, by the name of the stage whose removal it took back."""
    versions = {version.version: version for version in store.versions()}
    found: dict[str, list[Version]] = {}
    for version in versions.values():
        if version.stage != STAGE:
            continue
        above = version
        while above.stage == STAGE and above.parent is not None:
            above = versions[above.parent]
        found.setdefault(above.stage, []).append(version)
    return found


@contextmanager
def keeping_latest(store: Store) -> Iterator[None]:
    """`latest` goes back to where it was if not all of several steps could be made."""
    before = store.newest()
    try:
        yield
    except BaseException:
        if before is not None:
            store.reuse(before)
        raise
