"""`purge`: the originals go, the story stays.

Versions before scrubbing hold personal data as it was read. A purge deletes every text that only such versions reach.
Their membership, verdicts, counts and reasons stay, so that `why`, `diff` and the audit's lineage still answer; where a
text was they say that it was erased. What stays of a text is its record's id, a 64-bit hash of the raw row without a
salt: whoever holds the store and can guess a whole raw row, all its columns, can confirm the guess.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from data.anew import renew
from data.erasures import Erasure
from data.errors import StoreError
from data.outside import clear_tokens
from data.places import Kind, Place, lost, places
from data.remnants import Seen, Sought, as_rows, search, sought_in
from data.rewrite import Doomed, doom_versions, put_in_place, rewrite, traces
from data.scrubbed import STAGE, scrubbed
from data.store import Store
from data.versions import Version


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge would do.

    versions   those whose texts go, where no other version has them
    kept       versions that keep every text
    texts      texts that go, of `characters` characters; `stay` are kept
    records    records of those versions that lose a text
    losing     names of those of `versions` that have a text to lose: not after an earlier purge
    """

    before: str
    versions: list[Version]
    kept: list[Version]
    texts: int
    characters: int
    stay: int
    records: int
    losing: frozenset[str]


def planned(store: Store, before: str = STAGE) -> PurgePlan:
    """What goes with the texts before `before`: a stage's name, or a version or tag. Raises StoreError."""
    versions = store.versions()
    old = _before(store, before, versions)
    if len(old) == len(versions):
        raise StoreError(
            f"no version of {store.path} was made with '{before}': a purge would delete every text",
            "scrub the data first: python -m curation source.path=FILE pii=presidio",
            "or name the version from which on texts are kept: --before VERSION",
        )
    doomed = doom_versions(store, [v.version for v in old])
    texts, characters = store.query(
        """SELECT count(*), coalesce(sum(list_sum([len(x.content) for x in t.messages])), 0)
        FROM texts t WHERE text_hash IN (SELECT text_hash FROM gone)"""
    ).row(0)
    records = store.query(
        "SELECT count(DISTINCT record_id) AS n FROM members WHERE text_hash IN (SELECT text_hash FROM gone)"
    )["n"].item()
    stay = store.query("SELECT count(*) AS n FROM texts")["n"].item() - doomed.texts
    names = {v.version for v in old}
    losing = store.query(
        "SELECT DISTINCT version FROM members WHERE text_hash IN (SELECT text_hash FROM gone)"
    )
    return PurgePlan(
        before,
        old,
        [v for v in versions if v.version not in names],
        texts,
        int(characters),
        stay,
        records,
        frozenset(losing["version"]),
    )


def _before(store: Store, name: str, versions: list[Version]) -> list[Version]:
    """The versions before a stage (those whose lineage lacks it), or the ancestors of a version."""
    if name == STAGE or any(v.stage == name for v in versions):
        lineages = {v.version: store.lineage(v.version) for v in versions}
        if name == STAGE:
            return [v for v in versions if not scrubbed(lineages[v.version])]
        return [v for v in versions if not any(step.stage == name for step in lineages[v.version])]
    return store.lineage(name)[:-1]


def purge(store: Store, plan: PurgePlan) -> Erasure:
    """Do it; the store is closed afterwards. The erasure's report says what was searched, and what was found where.

    Interrupted at any moment, it leaves the store as it was or as it is to be.
    """
    erasure = Erasure(erasure="e-" + secrets.token_hex(6), kind="purge", status="done")
    doomed = doom_versions(store, [v.version for v in plan.versions])
    sought = sought_in(store)
    clear_tokens(store)
    around = [p for p in places(store) if p.kind not in (Kind.store, Kind.temporary, Kind.source)]
    own = Place(Kind.store, store.path)
    before = search([own], sought.needles, {own.path: store.connection})
    elsewhere = search(around, sought.needles)
    part = rewrite(store, doomed)
    _finish(part, erasure, doomed, plan, sought, before, elsewhere, _unsearched(store))
    put_in_place(store, part)
    return erasure


def _unsearched(store: Store) -> list[dict[str, str]]:
    """Places that hold originals, or may, and that a purge does not touch."""
    raw = [
        {"kind": p.kind.value, "path": str(p.path), "why": "the raw data"}
        for p in places(store)
        if p.kind is Kind.source
    ]
    gone = [
        {"kind": p.kind.value, "path": str(p.path), "why": "is not where it was written"} for p in lost(store)
    ]
    return [*raw, *gone]


def _finish(
    part: Path,
    erasure: Erasure,
    doomed: Doomed,
    plan: PurgePlan,
    sought: Sought,
    before: list[Seen],
    elsewhere: list[Seen],
    unsearched: list[dict[str, str]],
) -> None:
    """Search the new file, and leave the erasure's report in it."""
    with Store.open(part) as fresh:
        redigest(fresh, doomed.prefix)
        erasure.report = {
            "before": plan.before,
            "versions": [v.version for v in plan.versions],
            "texts": plan.texts,
            "characters": plan.characters,
            "records": plan.records,
            "search": sought.counts(),
            "store_before": before[0].found,
            "store_after": 0,
            "elsewhere": as_rows(elsewhere),
            "unsearched": unsearched,
        }
        fresh.save_erasure(erasure)
    # What went was in this process's hands, and what it writes may hold it: see data.anew.
    renew(part)
    if left := traces(part, sought.needles):
        erasure.report["store_after"] = left
        with Store.open(part) as fresh:
            fresh.save_erasure(erasure)
        renew(part)


def redigest(store: Store, prefix: str) -> list[str]:
    """Digests of the versions of which texts went are made again; returns their ids.

    The old digest is over the plain hashes: with all other rows known, a text could be tried out against it.
    """
    touched = store.query(
        "SELECT DISTINCT version FROM members WHERE starts_with(text_hash, ?) ORDER BY version",
        [f"{prefix}-"],
    )["version"].to_list()
    for version in touched:
        store.connection.execute(
            "UPDATE versions SET digest = ? WHERE version = ?", [store.membership_digest(version), version]
        )
    return touched
