"""The vault's access log: who saw or erased what, when and why. It is only ever added to.

Each entry carries an HMAC over itself and the entry before it: an entry that is changed or taken out is noticed by who
holds the key. (Entries cut off at the end are not: keep a copy of the log elsewhere to notice those.)
"""

from __future__ import annotations

import getpass
import sqlite3
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from data.errors import VaultError
from data.key import Key
from data.records import canonical_json


@dataclass(frozen=True, slots=True)
class Access:
    """One entry: when (UTC), who (the account), `reveal` or `forget`, what was asked for, why, how many places."""

    at: str
    who: str
    action: str
    what: str
    because: str
    places: int


class AccessLog:
    """Writes and reads the table `access` of a vault."""

    TABLES = """
    CREATE TABLE access (number INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
        what TEXT NOT NULL, because TEXT NOT NULL, places INTEGER NOT NULL, mac BLOB NOT NULL);
    CREATE TRIGGER access_stays BEFORE DELETE ON access BEGIN SELECT RAISE(ABORT, 'the access log only grows'); END;
    CREATE TRIGGER access_as_it_was BEFORE UPDATE ON access
        BEGIN SELECT RAISE(ABORT, 'the access log only grows'); END;
    """

    def __init__(self, connection: sqlite3.Connection, key: Key) -> None:
        self._connection = connection
        self._key = key

    def write(self, cursor: sqlite3.Cursor, action: str, what: str, because: str, places: int) -> None:
        """Add an entry, as part of the transaction of `cursor`."""
        last = cursor.execute("SELECT mac FROM access ORDER BY number DESC LIMIT 1").fetchall()
        entry = Access(
            datetime.now(UTC).isoformat(timespec="seconds"), _account(), action, what, because, places
        )
        mac = self._mac(last[0][0] if last else b"", entry)
        cursor.execute(
            "INSERT INTO access (at, who, action, what, because, places, mac) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [*astuple(entry), mac],
        )

    def read(self) -> list[Access]:
        """All entries, oldest first. Raises VaultError where the chain is broken."""
        before, found = b"", []
        for number, *values, mac in self._connection.execute(
            "SELECT * FROM access ORDER BY number"
        ).fetchall():
            entry = Access(*values)
            if self._mac(before, entry) != mac:
                raise VaultError(
                    f"the access log was changed: entry {number} is not the one that was written"
                )
            found.append(entry)
            before = mac
        return found

    def _mac(self, before: bytes, entry: Access) -> bytes:
        return self._key.mac("vault/access", before.hex() + canonical_json(astuple(entry)))


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
