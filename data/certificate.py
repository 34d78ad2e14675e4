"""The certificate of an erasure: JSON to be signed, and a page to be read. Counts, ids and places, and no value."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from data.certificate_page import page
from data.erasures import Erasure
from data.facts import Outcome
from data.records import canonical_json
from data.report.wording import counted
from data.trouble import made

FORMAT = "tuneproof-erasure/1"
HASHED = (
    "scrypt(n=16384, r=8, p=1, 32 bytes) of the values in lower case, sorted, joined by a line break; hex"
)


def not_done(report: dict[str, Any]) -> list[str]:
    """What could not be done, one sentence each."""
    said = [
        f"{entry['kind']} {entry['path']}: {entry['why']} ({counted(entry['mentions'], 'mention')})"
        if entry["mentions"]
        else f"{entry['kind']} {entry['path']}: {entry['why']}"
        for entry in report.get("left", [])
    ]
    said += [
        f"backup {path}: is a store of its own; erase there too: python -m data --store {path} forget ..."
        for path in report["backups"]
    ]
    said += [
        f"{path}: is not where the store knows it, and was not searched" for path in report.get("lost", [])
    ]
    if report["found"]["purged_texts"] and report["vault"] is None:
        said.append(
            f"purged before: {counted(report['found']['purged_texts'], 'text')}, of which what was replaced could not "
            "be searched: no vault was asked whose pseudonyms stand for this person"
        )
    models = report["found"]["runs"]
    if models:
        said.append(
            f"trained on these records: {counted(len(models), 'model')}; a model may repeat what it was trained on"
        )
    said.append("free blocks of the disk may hold the old file until they are written over")
    return said


def remnants(report: dict[str, Any]) -> int:
    """How much of what was erased was found afterwards where it should be gone."""
    search = report["search"]
    own = {entry["path"] for entry in report["files"]}
    return int(
        search["store_after"]
        + search["values_in_store"]
        + sum(f["mentions"] for f in search["value_in_files"] if f["path"] in own)
    )


def outcome(report: dict[str, Any]) -> str:
    """FAIL: something is left where it should be gone; WARN: something could not be done that a person can do."""
    if remnants(report):
        return Outcome.FAIL.value
    return Outcome.WARN.value if len(not_done(report)) > 1 else Outcome.PASS.value


def body(erasure: Erasure, store: Path) -> dict[str, Any]:
    """The certificate as JSON-able data; `digest` is the SHA-256 of its canonical JSON without it and `signature`."""
    report = erasure.report
    made_of: dict[str, Any] = {
        "format": FORMAT,
        "certificate": erasure.erasure,
        "made": f"{erasure.created:%Y-%m-%dT%H:%M:%SZ}",
        "software": f"tuneproof {version('tuneproof')}",
        "by": report["by"],
        "store": str(store),
        "request": {
            "values": report["values"],
            "hash": erasure.request,
            "salt": erasure.salt,
            "method": HASHED,
        },
        "found": report["found"],
        "deleted": {
            "texts": report["texts"],
            "records": len(report["found"]["records"]),
            "files": report["files"],
            "vault": report["vault"],
        },
        "successors": report["successors"],
        "search": report["search"],
        "models": report["found"]["runs"],
        "not_done": not_done(report),
        "outcome": outcome(report),
    }
    made_of["digest"] = hashlib.sha256(canonical_json(made_of).encode()).hexdigest()
    return {**made_of, "signature": {"signer": None, "date": None, "algorithm": None, "value": None}}


def write(erasure: Erasure, store: Path, folder: Path) -> tuple[Path, Path]:
    """Write the certificate into `folder`, as JSON and as HTML; returns the two paths."""
    target = made(folder, "name another folder: --out FOLDER")
    content = body(erasure, store)
    paths = target / f"erasure-{erasure.erasure}.json", target / f"erasure-{erasure.erasure}.html"
    paths[0].write_text(
        json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    paths[1].write_text(page(content).html(), encoding="utf-8", newline="\n")
    return paths
