"""The Version: an immutable membership list of records, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.records import canonical_json, digest


@dataclass(kw_only=True, slots=True, frozen=True)
class Version:
    """One version.

    version    `v-` and 12 hex digits: hash of parent, stage, config and code; for an ingest, of the raw files,
               the source configuration and the loader's code
    parent     the version it was made from; None for an ingest
    stage      `ingest` or a stage's name; `config` and `code` are what it ran with
    rows       members: the parent's rows - dropped + restored
    edited, assigned, tagged   records with such a verdict
    digest     SHA-256 over the sorted (record_id, text_hash, split) list: equal digests, equal data
    """

    version: str
    parent: str | None
    stage: str
    config: dict[str, Any]
    code: str
    created: datetime
    rows: int
    dropped: int
    edited: int
    assigned: int
    tagged: int
    restored: int
    seconds: float
    digest: str


def stage_key(stage: str, config: dict[str, Any], code: str) -> str:
    """What judges, whatever it judges: equal keys give equal verdicts on equal records."""
    return digest(canonical_json([stage, config, code]))


def version_id(parent: str, key: str) -> str:
    """The id of the version that the stage with `stage_key` = `key` makes of `parent`."""
    return "v-" + digest(canonical_json([parent, key]), hex_digits=12)
