"""Licences: does what a record states allow its use?

The column `licence` is read as an SPDX expression (`MIT`, `CC-BY-4.0 OR GPL-3.0-only`), after usual names were put in
SPDX's words. Of `A AND B` both must be allowed, of `A OR B` one is enough, and an exception (`WITH`) only permits
more. Each distinct value is read once. What is stated is taken as true: whether a source had the right to say so,
no program can see.
"""

from __future__ import annotations

import polars as pl

from curation.licence.config import Doubt, LicenceConfig, Policy
from curation.licence.names import NO_LICENCE, versioned
from curation.licence.rules import Rules, Standing, read, rules_of
from data.records import Records
from data.verdicts import Action, Verdicts, verdicts

__all__ = ["COLUMNS", "REASONS", "Doubt", "LicenceConfig", "Policy", "judge", "judge_batch"]

COLUMNS = ("record_id", "licence")
REASONS = {
    "licence_incompatible": "Its licence is denied, or not among those that are allowed.",
    "licence_missing": "It states no licence.",
    "licence_unknown": "What it states as a licence is no SPDX expression, or a licence that nobody has decided on.",
}


def judge(records: Records, config: LicenceConfig) -> Verdicts:
    """One verdict for each record whose licence is missing, unreadable or not allowed."""
    return pl.concat([verdicts(), *(judge_batch(batch, config) for batch in records.batches(*COLUMNS))])


def judge_batch(batch: pl.DataFrame, config: LicenceConfig) -> Verdicts:
    """The verdicts of a batch with COLUMNS, ordered by record_id."""
    if not config.enabled or batch.is_empty():
        return verdicts()
    rules = rules_of(config)
    judged = [(value, _objection(value, rules)) for value in batch["licence"].unique()]
    actions = {
        "licence_missing": config.missing.value,
        "licence_unknown": config.unknown.value,
        "licence_incompatible": Action.drop.value,
    }
    found = [
        {"licence": value, "action": actions[said[0]], "reason": said[0], "detail": said[1]}
        for value, said in judged
        if said is not None
    ]
    schema = dict.fromkeys(("licence", "action", "reason", "detail"), pl.String)
    joined = batch.select(COLUMNS).join(pl.DataFrame(found, schema=schema), on="licence", nulls_equal=True)
    return verdicts(joined.drop("licence").sort("record_id"))


def _objection(value: str | None, rules: Rules) -> tuple[str, str | None] | None:
    """Reason and detail; None for a licence that is allowed.

    Free text is never quoted, since it can hold names and addresses; `python -m data why RECORD` shows it.
    """
    stated = (value or "").strip()
    if stated.casefold() in NO_LICENCE:
        return "licence_missing", None
    expression = read(stated)
    if expression is None:
        better = versioned(stated) if len(stated) <= 40 else None
        return (
            "licence_unknown",
            f"a version is missing, as in {better}"
            if better
            else f"no SPDX expression, {len(stated)} characters",
        )
    standing = rules.standing(expression)
    if standing is Standing.allowed:
        return None
    if standing is Standing.undecided:
        return "licence_unknown", "a LicenseRef that neither licence.allow nor licence.deny names"
    return "licence_incompatible", "; ".join(dict.fromkeys(rules.objections(expression)))
