"""`forget`: a person's records lose their texts everywhere, and a certificate says what was done and what could not be.

In this order, so that the same command again completes what was interrupted: the store is written anew without the
texts, with the plan of the rest in it (`data.rewrite`); then files outside it are rewritten or removed and the vault's
entries erased; then everything is searched; then the certificate is written and the erasure is done.

The records' ids stay, in the versions that held them and in the list that keeps them out when the source is read again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from data.anew import as_it_is, renew
from data.erasures import Erasure
from data.forgotten import leave_out_forgotten
from data.outside import clear_file
from data.person import pattern
from data.places import Kind, Place, lost, lost_vaults, places
from data.purge import redigest
from data.remnants import as_rows, search, sought_in
from data.rewrite import doom_records, put_in_place, rewrite, traces
from data.store import Store
from data.subject import Trace, trace
from data.vault import Vault

BEGUN, DONE = "begun", "done"
# scrypt's cost: about 50 ms for a guess (RFC 7914).
_COST = {"n": 2**14, "r": 8, "p": 1}


def request_hash(values: Sequence[str], salt: str) -> str:
    """What was asked for, so that who asked can recognise it: scrypt (RFC 7914) over the sorted values, lower case."""
    wanted = "\n".join(sorted(" ".join(value.casefold().split()) for value in values))
    return hashlib.scrypt(wanted.encode(), salt=bytes.fromhex(salt), dklen=32, **_COST).hex()


def earlier(store: Store, values: Sequence[str]) -> list[Erasure]:
    """Erasures of the same request, oldest first."""
    return [e for e in store.erasures("forget") if request_hash(values, e.salt) == e.request]


def forget(
    store: Store, values: Sequence[str], *, by: str = "", vault: Vault | None = None
) -> Erasure | None:
    """Erase the person, or complete an erasure that was interrupted; None where nothing was found.

    The store is closed afterwards. The erasure's report is what the certificate says.
    """
    path = store.path
    begun = [e for e in earlier(store, values) if e.status == BEGUN]
    needles = None
    if begun:
        erasure = begun[-1]
        store.close()
    else:
        found = trace(store, values, vault)
        if not found.found:
            store.close()
            return None
        salt = secrets.token_hex(16)
        erasure = Erasure(
            erasure="e-" + secrets.token_hex(6),
            kind="forget",
            status=BEGUN,
            request=request_hash(values, salt),
            salt=salt,
        )
        needles = _erase(store, erasure, found, values, by)
    with Store.open(path) as rewritten:
        _outside(rewritten, erasure, values, vault)
        _searched(rewritten, erasure, values, needles, vault)
        rewritten.save_erasure(erasure)
    # The search had the values in hand, and what it wrote may hold them: see data.anew.
    renew(path, lambda table: _as_done(table, erasure))
    erasure.status = DONE
    return erasure


def _as_done(table: str, erasure: Erasure) -> tuple[str, list[Any]]:
    if table != "erasures":
        return as_it_is(table)
    return (
        "SELECT * REPLACE (CASE WHEN erasure = ? THEN ? ELSE status END AS status) FROM erasures",
        [erasure.erasure, DONE],
    )


def _erase(store: Store, erasure: Erasure, found: Trace, values: Sequence[str], by: str) -> Any:
    """Write the store anew, with the erasure begun in it, and put it in place; returns the needles."""
    records = sorted(found.records)
    doomed = doom_records(store, records, pattern(values, re2=True))
    sought = sought_in(store)
    own = Place(Kind.store, store.path)
    before = search([own], sought.needles, {own.path: store.connection})
    backups = [str(p.path) for p in places(store) if p.kind is Kind.backup]
    part = rewrite(store, doomed)
    with Store.open(part) as fresh:
        for record in records:
            fresh.connection.execute("INSERT INTO forgotten VALUES (?, ?)", [record, erasure.erasure])
        redigest(fresh, doomed.prefix)
        successors = _successors(fresh)
        erasure.report = {
            "by": by,
            "values": len(values),
            "found": found.as_json(),
            "texts": doomed.texts,
            "successors": successors,
            "search": {**sought.counts(), "store_before": before[0].found, "store_after": 0},
            "backups": backups,
            "files": [],
            "vault": None,
        }
        fresh.save_erasure(erasure)
    renew(part)
    if left := traces(part, sought.needles):
        erasure.report["search"]["store_after"] = left
        with Store.open(part) as fresh:
            fresh.save_erasure(erasure)
        renew(part)
    put_in_place(store, part)
    return sought.needles


def _successors(store: Store) -> list[dict[str, Any]]:
    """The versions that `latest` and each tag become without the records; the names go along."""
    latest = store.newest()
    tags = store.query("SELECT name, version FROM tags ORDER BY name").rows()
    made: dict[str, str] = {}
    for version in dict.fromkeys([*(version for _, version in tags), *([latest] if latest else [])]):
        without = leave_out_forgotten(store, version)
        if without is not None:
            made[version] = without
    for name, version in tags:
        if version in made:
            store.tag(name, made[version])
    if latest is not None:
        store.reuse(made.get(latest, latest))
    return [
        {"version": old, "successor": new, "tags": [name for name, version in tags if version == old]}
        for old, new in made.items()
    ]


def _outside(store: Store, erasure: Erasure, values: Sequence[str], vault: Vault | None) -> None:
    """Files and the vault. What was done before an interruption is found done, and done again it changes nothing."""
    report = erasure.report
    records = sorted(record for record, e in store.forgotten().items() if e == erasure.erasure)
    wanted = pattern(values, re2=False)
    done = [clear_file(entry, records, wanted) for entry in report["found"]["files"]]
    report["files"] = [entry for entry in done if entry["done"]]
    report["left"] = [entry for entry in done if not entry["done"]]
    if vault is not None:
        entries = {
            (e.record_id, e.text_hash, e.message, e.start, e.original): e
            for e in [
                *(e for v in values for e in vault.find(v)),
                *(e for r in records for e in vault.entries(r)),
            ]
        }
        gone = vault.forget(entries.values(), because=f"erasure {erasure.erasure}") if entries else 0
        report["vault"] = {"places": len(entries), "originals": gone}
    store.save_erasure(erasure)


def _searched(
    store: Store, erasure: Erasure, values: Sequence[str], needles: Any, vault: Vault | None
) -> None:
    """Search all files that are there now; after an interruption for the values only, since the texts are gone."""
    around = [p for p in places(store) if p.kind not in (Kind.store, Kind.temporary)]
    again = trace(store, values)
    search_said = erasure.report["search"]
    in_records = sum(bool(how - {"id"}) for how in again.records.values())
    search_said["values_in_store"] = in_records + sum(again.notes.values()) + len(again.answers)
    search_said["files_searched"] = len(around)
    search_said["value_in_files"] = [
        {"kind": f["kind"], "path": f["path"], "mentions": f["mentions"]}
        for f in again.files
        if f["mentions"]
    ]
    search_said["interrupted"] = needles is None
    if needles is not None:
        seen = search([p for p in around if p.kind is not Kind.source], needles)
        search_said["texts_in_files"] = [row for row in as_rows(seen) if row["found"] or row["note"]]
    erasure.report["lost"] = [
        *(str(place.path) for place in lost(store)),
        *(str(path) for path in lost_vaults(store, vault.id if vault else "")),
    ]
