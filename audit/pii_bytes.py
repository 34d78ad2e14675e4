"""PII-003: whether the originals of what was scrubbed are gone, in bytes, and where they still are.

From the originals stretches are drawn that the scrubbed data does not hold (`data.bytescan`), and looked for in
everything made of the scrubbed data: exports, reports, runs, and the store's own columns. Versions before scrubbing,
raw files, backups and exports of unscrubbed versions hold originals by their nature: they are named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audit import statistics
from audit.context import Context
from audit.shares import at_most, upper_if_none
from data.bytescan import PER_TEXT, Needles, database_columns, windows_of
from data.erasures import Erasure
from data.errors import StoreError
from data.facts import Fact, Outcome
from data.places import Kind, Place, lost, places
from data.records import drawn
from data.remnants import search
from data.report.wording import counted, number, percent
from data.retention import holding_originals, overdue
from data.scrubbed import scrubbed

TRIED = 40  # stretches of an original, of which those are looked for that no other text holds
BY_NATURE = (Kind.store, Kind.temporary, Kind.backup, Kind.source)


def originals_gone(context: Context) -> list[Fact]:
    """PII-003: the share of originals of which something is found where it should not be.

    WARN where none is, but versions before scrubbing still hold them; after a purge its own search counts.
    """
    stage = context.stage("pii")
    if stage is None or stage.parent is None:
        return [context.not_run("PII-003", "Nothing was scrubbed: there are no originals to look for.")]
    if not scrubbed(context.lineage):
        return [context.not_run("PII-003", "Scrubbing left the texts as they were (pii.operator=tag).")]
    still = _still(context)
    pairs = _originals(context, stage.parent, stage.version)
    if pairs:
        found, n, where = _searched(context, pairs)
        how = "stretches of 16 bytes of the originals, in files and columns made of the scrubbed data"
    else:
        purges = [e for e in context.store.erasures("purge") if stage.parent in e.report.get("versions", [])]
        if not purges:
            return [context.not_run("PII-003", "No record was changed by scrubbing: there are no originals.")]
        found, n, where = _purged(context, purges[-1])
        how = f"the search of the purge {purges[-1].erasure}"
    return [_whole(context, found, n, where, still, how), *(_place(context, w) for w in where if w["found"])]


def _originals(context: Context, parent: str, version: str) -> list[tuple[list[str], list[str]]]:
    """(contents before, contents after) of records that scrubbing changed, drawn by the seed; where both are there."""
    changed = context.store.query(
        """SELECT b.record_id, b.text_hash AS before, a.text_hash AS after
        FROM members b JOIN members a USING (record_id) WHERE b.version = ? AND a.version = ?
        AND a.text_hash != b.text_hash AND NOT contains(b.text_hash, '-')
        AND NOT contains(a.text_hash, '-') ORDER BY record_id""",
        [parent, version],
    )
    chosen = drawn(changed, context.policy.pii_originals, context.config.seed)
    wanted = [*chosen["before"], *chosen["after"]]
    texts = dict(
        context.store.query(
            """SELECT text_hash, [x.content for x in t.messages] AS contents FROM texts t
            WHERE list_contains($1, text_hash)""",
            [wanted],
        ).iter_rows()
    )
    return [
        (texts[b], texts[a])
        for b, a in chosen.select("before", "after").iter_rows()
        if b in texts and a in texts
    ]


def _searched(
    context: Context, pairs: list[tuple[list[str], list[str]]]
) -> tuple[int, int, list[dict[str, Any]]]:
    """Originals found anywhere, originals looked for, and the places."""
    owners: dict[bytes, list[int]] = {}
    for i, (before, after) in enumerate(pairs):
        for window in windows_of(before, after, TRIED):
            owners.setdefault(window, []).append(i)
    needles = Needles(owners)
    kept = context.records.batches("text")
    needles = needles.without(
        needles.windows_in(("\n".join(rows["text"]) + "\n").encode("utf-8", "surrogatepass") for rows in kept)
    )
    needles = needles.at_most(PER_TEXT)
    where: list[dict[str, Any]] = []
    hits: set[int] = set()
    for column, chunks in database_columns(context.store.connection):
        if not column.startswith("texts."):
            own = needles.owners_in(chunks)
            hits |= own
            where.append({"place": f"column {column}", "found": len(own), "note": ""})
    files = [place for place in places(context.store) if _made_of_scrubbed(context, place)]
    for place, seen in zip(files, search(files, needles), strict=True):
        where.append({"place": f"{place.kind.value} {place.path}", "found": seen.found, "note": seen.note})
        hits |= needles_owners(place.path, needles) if seen.found else set()
    return len(hits), len(needles.all_owners), where


def needles_owners(path: Path, needles: Needles) -> set[int]:
    """Which originals a file shows; read once more, because it shows some."""
    from data.bytescan import decoded_chunks, file_chunks

    return needles.owners_in(decoded_chunks(path) or file_chunks(path))


def _made_of_scrubbed(context: Context, place: Place) -> bool:
    if place.kind in BY_NATURE:
        return False
    if place.kind is not Kind.export:
        return True
    return bool(place.of) and _is_scrubbed(context, place.of)


def _is_scrubbed(context: Context, version: str) -> bool:
    try:
        return scrubbed(context.store.lineage(version))
    except StoreError:
        return False


def _purged(context: Context, purge: Erasure) -> tuple[int, int, list[dict[str, Any]]]:
    """The same from what a purge found in the files of its time."""
    report = purge.report
    ours = {str(place.path) for place in places(context.store) if _made_of_scrubbed(context, place)}
    where = [{"place": "the store's file", "found": report["store_after"], "note": ""}]
    where += [
        {"place": f"{seen['kind']} {seen['path']}", "found": seen["found"], "note": seen["note"]}
        for seen in report["elsewhere"]
        if seen["path"] in ours
    ]
    return sum(w["found"] for w in where), report["search"]["seekable"], where


def _still(context: Context) -> list[str]:
    """Where originals are by the nature of the place, in words."""
    store = context.store
    versions = holding_originals(store)
    said = (
        [f"{counted(len(versions), 'version')} before scrubbing (until: python -m data purge --yes)"]
        if versions
        else []
    )
    by_kind: dict[str, list[str]] = {}
    for place in places(store):
        if place.kind in (Kind.source, Kind.backup):
            by_kind.setdefault("raw file" if place.kind is Kind.source else "backup", []).append(
                place.path.name
            )
        elif place.kind is Kind.export and not _made_of_scrubbed(context, place):
            by_kind.setdefault("unscrubbed export", []).append(place.path.name)
        elif place.kind is Kind.temporary:
            by_kind.setdefault("file that an interrupted command left", []).append(place.path.name)
    for place in lost(store):
        by_kind.setdefault(f"{place.kind.value} that is not where it was", []).append(place.path.name)
    said += [
        f"{kind}: {', '.join(names[:4])}{' ...' if len(names) > 4 else ''}" for kind, names in by_kind.items()
    ]
    return said


def _whole(
    context: Context, found: int, n: int, where: list[dict[str, Any]], still: list[str], how: str
) -> Fact:
    policy = context.policy
    low, high = statistics.clopper_pearson(min(found, n), n, policy.level) if n else (0.0, 1.0)
    high = upper_if_none(found, n, high, policy.level) if n else 1.0
    outcome, needed = at_most(min(found, n), n, (low, high), policy.max_remnants, policy)
    in_versions = any("before scrubbing" in place for place in still)
    if outcome == Outcome.PASS.value and in_versions:
        outcome = Outcome.WARN.value
    places_found = [w["place"] for w in where if w["found"]]
    says = (
        f"Of {counted(n, 'original')} nothing was found in what was made of the scrubbed data (at most {percent(high)} "
        "left a trace)."
        if not found
        else f"Traces were found of {number(found)} of {counted(n, 'original')}: {', '.join(places_found[:4])}."
    )
    if still:
        says += f" Originals still are in: {'; '.join(still)}."
    over = overdue(context.store)
    if over:
        says += f" They may be kept for {counted(over.days, 'day')} and are for {over.age}."
    return context.fact(
        "PII-003",
        min(found, n) / n if n else None,
        "fraction",
        n=n,
        low=low,
        high=high,
        level=policy.level,
        method="Clopper-Pearson" + ("" if found else ", one-sided"),
        signature=f"{how}|seed:{context.config.seed}",
        outcome=outcome,
        n_needed=needed,
        threshold=f"traces of at most {percent(policy.max_remnants)} of the originals; none in the store's versions",
        evidence=context.rerun("PII-003"),
        detail={"says": says, "still": still, "places": len(where)},
    )


def _place(context: Context, where: dict[str, Any]) -> Fact:
    return context.fact(
        "PII-003",
        float(where["found"]),
        "originals",
        slice=f"place={where['place']}",
        evidence=context.rerun("PII-003"),
        detail=where,
    )
