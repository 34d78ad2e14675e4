"""Where texts of a store are, besides its tables: files that the store knows of, and what tuneproof wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from data.facts import AUDIT_FACT
from data.store import Store

# Numbers, not texts: what a model remembers is measured by asking it, not by reading its file.
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".ckpt")
IMAGES = (".png", ".svg", ".jpg", ".woff", ".woff2", ".ttf")


class Kind(StrEnum):
    """store: the file and what DuckDB keeps beside it; the rest: what was made from it; source: the raw data.

    tokens: rows as a training reads them, kept for the next one; what is removed is made again.
    """

    store = "store"
    temporary = "temporary"
    backup = "backup"
    export = "export"
    report = "report"
    evaluation = "evaluation"
    run = "run"
    rejects = "rejects"
    tokens = "tokens"
    source = "source"


@dataclass(frozen=True, slots=True)
class Place:
    """A file; `of` is the version, run or evaluation that it was made from, where that is known."""

    kind: Kind
    path: Path
    of: str = ""


def places(store: Store) -> list[Place]:
    """Every file that is there, of those that the store knows of; the store's own first, the raw sources last."""
    found: dict[Path, Place] = {}
    for place in _named(store):
        for file in _files(place.path):
            kept = place.kind is Kind.source or file.suffix not in (*WEIGHTS, *IMAGES)
            if kept:
                found.setdefault(file.resolve(), Place(place.kind, file, place.of))
    return list(found.values())


def lost(store: Store) -> list[Place]:
    """Exports, backups and raw files that are not where they were: deleted, moved, or named from another folder.

    Not the folder of tokens: who wants room deletes it, and the next training makes it again.
    """
    noted = [
        Place(Kind(kind), path, version)
        for kind, path, version in store.noted_places()
        if kind != Kind.tokens.value
    ]
    read = store.query("SELECT version, file FROM files ORDER BY file").rows()
    raw = [Place(Kind.source, Path(file), version) for version, file in read]
    return [place for place in dict.fromkeys([*noted, *raw]) if not place.path.exists()]


def vaults(store: Store) -> dict[str, Path]:
    """Vaults with originals of the store's versions: the vault's id -> its file, as it was named last."""
    named = store.query(
        """SELECT regexp_extract(code, 'vault:([0-9a-f]+)', 1), config ->> '$.vault' FROM versions
        WHERE stage = 'pii' AND contains(code, 'vault:') ORDER BY used"""
    )
    return {vault: Path(file).expanduser() for vault, file in named.iter_rows() if file}


def lost_vaults(store: Store, asked: str = "") -> list[Path]:
    """Those of `vaults` that are not where they were; without the one whose id is `asked`, wherever that lies now."""
    return [file for vault, file in vaults(store).items() if vault != asked and not file.is_file()]


def beside(path: Path) -> list[Path]:
    """What DuckDB and an interrupted rewriting leave beside the store at `path`, where it is there."""
    endings = (".wal", ".tmp", ".anew", ".part", ".part.wal", ".part.tmp", ".part.anew")
    return [file for ending in endings if (file := path.with_name(path.name + ending)).exists()]


def _named(store: Store) -> Iterator[Place]:
    yield Place(Kind.store, store.path)
    for file in beside(store.path):
        yield Place(Kind.temporary, file)
    for kind, path, version in store.noted_places():
        yield Place(Kind(kind), path, version)
    audits = store.facts(name=AUDIT_FACT)
    for subject, detail in audits.select("subject", "detail").iter_rows():
        report = Path(json.loads(detail).get("report", ""))
        if report.name:
            yield Place(Kind.report, report.parent, subject)
    for table, key, kind in (("evaluations", "evaluation_id", Kind.evaluation), ("runs", "run_id", Kind.run)):
        for identity, path in store.query(f"SELECT {key}, path FROM {table} ORDER BY used").iter_rows():
            if path:
                yield Place(kind, Path(path), identity)
    for made in store.versions():
        if made.parent is None:
            rejects = Path("runs/curation") / f"rejects-{made.version}.jsonl"
            yield Place(Kind.rejects, rejects, made.version)
    for ingest, raw in store.query("SELECT version, file FROM files ORDER BY file").iter_rows():
        yield Place(Kind.source, Path(raw), ingest)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
