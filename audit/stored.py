"""Facts as the store gives them back: what is printed is what is stored."""

from __future__ import annotations

import json
from dataclasses import fields

from audit.context import Context
from data.facts import Fact


def facts_of(context: Context, version: str, name: str | None = None) -> list[Fact]:
    """The facts of a version, of this name where one is given, ordered by name and slice."""
    keys = [field.name for field in fields(Fact)]
    rows = context.store.facts(subject=version, name=name).to_dicts()
    return [Fact(**{**{key: row[key] for key in keys}, "detail": json.loads(row["detail"])}) for row in rows]


def stage_facts(context: Context, stage: str, name: str) -> list[Fact]:
    """What a stage measured of itself: facts of its own version in the lineage, not of the version under audit."""
    made = context.stage(stage)
    return facts_of(context, made.version, name) if made else []
