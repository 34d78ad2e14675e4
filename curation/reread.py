"""A source whose texts were purged or forgotten since it was read: what has to be read again, and what stays out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.config import CurationConfig
from curation.restore import STAGE as UNDO
from curation.restore import undos
from curation.stages import STAGES
from data.records import canonical_json, digest
from data.store import Store
from data.versions import stage_key, version_id


def id_to_read(store: Store, version: str, config: CurationConfig, plain: Any) -> str:
    """The ingest to be used for a source: `version`, or one of its own where its texts were purged and are needed.

    They are not needed where every stage has made its version already. A purged version keeps its id and stays
    without texts, so that what is read again is never taken for what was purged.
    """
    while _purged(store, version) and not _all_made(store, version, config, plain):
        purges = [e.erasure for e in store.erasures("purge") if version in e.report.get("versions", [])]
        version = "v-" + digest(canonical_json([version, "read again after", purges[-1:]]), hex_digits=12)
    return version


def purged_before(store: Store, files: Sequence[Path], digests: Sequence[str]) -> str | None:
    """The newest ingest of one of these files, by name or content, of which texts were purged; else None."""
    for version, *_ in store.query(
        """SELECT DISTINCT f.version, v.used FROM files f JOIN versions v USING (version)
        WHERE list_contains($1, f.file) OR list_contains($2, f.sha256) ORDER BY v.used DESC""",
        [[str(path) for path in files], list(digests)],
    ).iter_rows():
        if _purged(store, version):
            return str(version)
    return None


def notice(store: Store, purged: str, version: str) -> str:
    """What a person has to know where `version` is read in the place of the version `purged`."""
    done = [e for e in store.erasures("purge") if purged in e.report.get("versions", [])]
    when = f" ({done[-1].erasure}, {done[-1].created:%Y-%m-%d})" if done else ""
    return (
        f"the texts of {purged} were purged{when}, and are needed: the source is read again as {version}. "
        "The originals are in the store again until the next: python -m data purge --yes"
    )


def _purged(store: Store, version: str) -> bool:
    found = store.query(
        "SELECT 1 AS x FROM members WHERE version = ? AND starts_with(text_hash, 'purged-') LIMIT 1",
        [version],
    )
    return bool(found.height)


def _all_made(store: Store, version: str, config: CurationConfig, plain: Any) -> bool:
    """Whether the store has the versions of all stages, one after the other."""
    there = {v.version: v for v in store.versions()}
    if store.present(version, list(store.forgotten())):
        return False
    kept = undos(store) if config.keep_undo else {}
    for name in config.stages:
        stage, stage_config = STAGES[name], getattr(config, name)
        if not stage.is_on(stage_config):
            continue
        version = version_id(version, stage_key(name, plain(stage_config), stage.code_with(stage_config)))
        if version not in there:
            return False
        for undo in kept.get(name, []):
            again = version_id(version, stage_key(UNDO, undo.config, undo.code))
            version = again if again in there else version
    return True
