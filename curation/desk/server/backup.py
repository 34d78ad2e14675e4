"""`backup FILE` and `restore FILE`: a consistent copy of a desk in one file, while it works.

The file is a tar archive, mode 600, of Argilla's database (SQLite's own online copy), the credentials and a note of
what it holds. Whoever has it can read every text and log in as anyone.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curation.desk.config import DeskCommand
from curation.desk.server.home import OTHER_HOME, Home
from data.commands import spelt
from data.errors import UserError
from data.progress import progress
from data.trouble import check_file, check_folder

DATABASE, CREDENTIALS, NOTE = "argilla.db", "credentials.json", "desk.json"
FORMAT = 1
PAGES = 2000  # copied at a time; between them the server writes


def backup(command: DeskCommand) -> None:
    """Copy the home's database and credentials into `command.file`. The server may run."""
    home = Home.of(command.desk)
    file = Path(command.file).expanduser()
    if command.desk.url:
        raise UserError(
            f"desk.url={command.desk.url} is another server",
            "a backup is made where its files are: leave desk.url out",
        )
    if not home.database.exists():
        raise UserError(f"{home.folder} holds no labelling desk", OTHER_HOME)
    check_file(file, "name another file: python -m curation.desk backup FILE")
    if file.exists():
        raise UserError(f"{file} is there already", "name another file, or remove it first")
    home.check_database()
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".desk-") as scratch:
        copy = Path(scratch) / DATABASE
        counts = _copy_database(home.database, copy)
        note = {"format": FORMAT, "made": datetime.now(UTC).isoformat(timespec="seconds"), "holds": counts}
        whole = Path(scratch) / "whole.tar.gz"
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=3) as archive:
                _add(archive, NOTE, json.dumps(note).encode())
                if home.credentials.exists():
                    _add(archive, CREDENTIALS, home.credentials.read_bytes())
                archive.add(copy, DATABASE)
            raw.flush()
            os.fsync(raw.fileno())
        whole.replace(file)
    held = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    print(f"{file}: {held}; {file.stat().st_size / 1e6:,.1f} MB, with passwords: keep it safe")  # noqa: T201


def restore(command: DeskCommand) -> None:
    """Put a backup into a home that has no desk yet; `up` then serves it."""
    home = Home.of(command.desk)
    file = Path(command.file).expanduser()
    if not file.is_file():
        raise UserError(f"{file}: no such file")
    check_folder(home.folder, OTHER_HOME)
    if home.database.exists() or home.credentials.exists():
        raise UserError(
            f"{home.folder} holds a labelling desk already; nothing was changed",
            "restore into another: python -m curation.desk restore FILE desk.home=FOLDER",
        )
    home.make()
    lock = home.lock()
    if lock is None:
        raise UserError(f"a server runs on {home.folder}", "stop it: python -m curation.desk down")
    try:
        note = _unpack(file, home)
    finally:
        os.close(lock)
    held = ", ".join(f"{count:,} {kind}" for kind, count in note["holds"].items())
    print(f"{home.folder}: {held}, as of {note['made']}\nnext: {spelt('python -m curation.desk up')}")  # noqa: T201


def _copy_database(source: Path, target: Path) -> dict[str, int]:
    """SQLite's online backup: the state of one moment, whatever is written meanwhile. Rows of the copy by kind."""
    held, copy = sqlite3.connect(source, timeout=60), sqlite3.connect(target)
    done = 0
    try:
        with progress("copying the database", total=None) as step:

            def said(_: int, remaining: int, total: int) -> None:
                nonlocal done
                step(total - remaining - done)
                done = total - remaining

            held.backup(copy, pages=PAGES, progress=said)
        broken = copy.execute("PRAGMA quick_check").fetchone()[0]
        if broken != "ok":
            raise UserError(f"{source} is damaged: {broken}", "restore an earlier backup into another home")
        tables = {"users": "users", "datasets": "datasets", "records": "records", "answers": "responses"}
        return {
            kind: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for kind, table in tables.items()
        }
    finally:
        copy.close()
        held.close()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _unpack(file: Path, home: Home) -> dict[str, Any]:
    """Write the archive's three members, and no other; the database gets its name last."""
    fresh = home.folder / f"{DATABASE}.restored"
    try:
        with tarfile.open(file, "r:gz") as archive:
            note: dict[str, Any] = json.loads(_read(archive, NOTE))
            if note.get("format") != FORMAT:
                raise UserError(
                    f"{file} was made by another version of the desk (format {note.get('format')})"
                )
            names = archive.getnames()
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
                member = archive.extractfile(DATABASE)
                assert member is not None
                while block := member.read(1 << 20):
                    written.write(block)
            if CREDENTIALS in names:
                home.write_credentials(json.loads(_read(archive, CREDENTIALS)))
        fresh.replace(home.database)
    except (tarfile.TarError, KeyError, ValueError, AssertionError, EOFError):
        fresh.unlink(missing_ok=True)
        home.credentials.unlink(missing_ok=True)
        raise UserError(
            f"{file} is no backup of a labelling desk, or is cut off",
            "made by: python -m curation.desk backup FILE",
        ) from None
    return note


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None
    return member.read()
