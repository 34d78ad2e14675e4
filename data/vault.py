"""The vault: what stood where a pseudonym stands now, encrypted, in an SQLite file of its own.

    with Vault.open("runs/warehouse.vault", load_key()) as vault:
        vault.records("John Smith")                        # records that hold this person
        vault.reveal("Mark Brown", because="complaint 17")   # the original; leaves an access entry
        vault.forget(vault.find("John Smith"), because="erasure 4")

Values are encrypted one by one, so that one can be erased. The file shows tokens, types, record ids and times; without
the key it shows no original, and no guess at one can be tested. It never lies in the store, and the key never in it.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from data.access import Access, AccessLog
from data.errors import VaultError
from data.key import Key
from data.sealing import Sealed, Sealer, earlier, earlier_mails, forms
from data.trouble import made

SCHEMA_VERSION = "1"
MOST_REVEALED = (
    20  # originals of one token: one that stands for more, as `<PERSON>` does, is asked for by record
)
WAY = "name the file: pii.vault=FILE"
RESTORE = "if it is lost, restore it from its copy: without it, pseudonyms cannot be turned back"
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE originals (id INTEGER PRIMARY KEY, exact BLOB NOT NULL UNIQUE, entity TEXT NOT NULL, token TEXT NOT NULL,
    sealed BLOB NOT NULL);
CREATE INDEX originals_token ON originals (token COLLATE NOCASE);
CREATE TABLE forms (form BLOB NOT NULL, original INTEGER NOT NULL REFERENCES originals (id) ON DELETE CASCADE,
    PRIMARY KEY (form, original)) WITHOUT ROWID;
CREATE INDEX forms_original ON forms (original);
CREATE TABLE places (record_id TEXT NOT NULL, text_hash TEXT NOT NULL, message INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, original INTEGER NOT NULL REFERENCES originals (id),
    PRIMARY KEY (record_id, text_hash, message, start, original)) WITHOUT ROWID;
CREATE INDEX places_original ON places (original);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One place where a token stands for an original. It does not hold the original.

    record_id, text_hash  the record, and the content hash of its text with the token
    message, start, end   the message's number and characters [start, end) of its content
    entity, token         the type, and what stands there
    match                 how `find` came to it: `whole` (all of the value), `words` (a name with all words of the
                          value), `part` (a name whose words are some of the value's: perhaps another person's)
    original              number of the original in the vault
    """

    record_id: str
    text_hash: str
    message: int
    start: int
    end: int
    entity: str
    token: str
    match: str
    original: int


@dataclass(frozen=True, slots=True)
class Revealed:
    """A token and its original, and where it stands: in how many records, or at which place of one."""

    entity: str
    token: str
    original: str
    records: int


def default_vault(store: str | Path) -> Path:
    """The vault beside a store."""
    return Path(store).expanduser().with_suffix(".vault")


class Vault(AbstractContextManager["Vault"]):
    """An open vault. Every change is one transaction."""

    def __init__(self, connection: sqlite3.Connection, path: Path, key: Key) -> None:
        self._connection = connection
        self.path = path
        self._key = key
        self._sealer = Sealer(key)
        self.log = AccessLog(connection, key)

    # ---------------------------------------------------------------- opening

    @classmethod
    def create(cls, path: str | Path, key: Key) -> Self:
        """A new empty vault at `path`, for its owner's eyes only. Raises VaultError where something is there."""
        where = Path(path).expanduser()
        if where.exists():
            raise VaultError(f"{where} exists already", WAY)
        made(where.parent, WAY, name=where)
        os.close(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        connection = _connected(where)
        with _guarded(where):
            connection.executescript(f"BEGIN; {_TABLES} {AccessLog.TABLES} COMMIT;")
            meta = {
                "schema": SCHEMA_VERSION,
                "fingerprint": key.fingerprint,
                "id": uuid.uuid4().hex[:12],
                "made": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.commit()
        return cls(connection, where, key)

    @classmethod
    def open(cls, path: str | Path, key: Key) -> Self:
        """The vault at `path`. Raises VaultError: lost, damaged, no vault, or made with another key."""
        where = Path(path).expanduser()
        if not where.is_file():
            raise VaultError(
                f"there is no vault at {where}",
                WAY,
                RESTORE,
                "if there was none yet, make it: python -m data vault init",
            )
        connection = _connected(where)
        with _guarded(where):
            try:
                meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                meta = {}
        if meta.get("schema") != SCHEMA_VERSION:
            connection.close()
            raise VaultError(
                f"{where} is no vault of this tuneproof (schema {meta.get('schema', 'none')}, "
                f"wanted {SCHEMA_VERSION})",
                WAY,
            )
        if meta["fingerprint"] != key.fingerprint:
            connection.close()
            raise VaultError(
                f"wrong key: the vault {where} was made with key {meta['fingerprint']}, this one is "
                f"{key.fingerprint}",
                "give the vault's own key: pii.key_file=FILE, or the variable TUNEPROOF_PII_KEY",
            )
        return cls(connection, where, key)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def id(self) -> str:
        """12 hex digits that a vault keeps for life."""
        return str(self._rows("SELECT value FROM meta WHERE key = 'id'")[0][0])

    # ---------------------------------------------------------------- writing

    def add(self, kept: Iterable[tuple[str, str, Sequence[Sealed | Mapping[str, Any]]]]) -> None:
        """Keep (record_id, text_hash, what was replaced in it). What is there already stays as it is."""
        with self._transaction() as cursor:
            for record_id, text_hash, places in kept:
                for place in places:
                    cursor.execute(
                        "INSERT INTO originals (exact, entity, token, sealed) VALUES (?, ?, ?, ?) "
                        "ON CONFLICT DO NOTHING",
                        [place["exact"], place["entity"], place["token"], place["original"]],
                    )
                    new = cursor.rowcount == 1
                    ((number,),) = cursor.execute(
                        "SELECT id FROM originals WHERE exact = ?", [place["exact"]]
                    ).fetchall()
                    if new:
                        cursor.executemany(
                            "INSERT INTO forms VALUES (?, ?) ON CONFLICT DO NOTHING",
                            [(form, number) for form in place["words"]],
                        )
                    cursor.execute(
                        "INSERT INTO places VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                        [record_id, text_hash, place["message"], place["start"], place["end"], number],
                    )

    def forget(self, entries: Iterable[Entry], *, because: str) -> int:
        """Erase these places, and each original that stands nowhere else; returns how many originals went.

        The file is rewritten and read: no byte of an erased ciphertext is left in it. Raises VaultError if one is.
        """
        chosen = list(entries)
        with self._transaction() as cursor:
            cursor.executemany(
                "DELETE FROM places WHERE record_id = ? AND text_hash = ? AND message = ? AND start = ? "
                "AND original = ?",
                [(e.record_id, e.text_hash, e.message, e.start, e.original) for e in chosen],
            )
            gone: list[bytes] = []
            for number in sorted({e.original for e in chosen}):
                orphan = cursor.execute(
                    "SELECT sealed FROM originals o WHERE id = ? AND NOT EXISTS "
                    "(SELECT 1 FROM places WHERE original = o.id)",
                    [number],
                ).fetchall()
                gone += [sealed for (sealed,) in orphan]
                if orphan:
                    cursor.execute("DELETE FROM originals WHERE id = ?", [number])
            records = len({e.record_id for e in chosen})
            self.log.write(
                cursor, "forget", f"{records} record{'' if records == 1 else 's'}", because, len(chosen)
            )
        with _guarded(self.path):
            self._connection.execute("VACUUM")
        content = self.path.read_bytes()
        left = sum(sealed in content for sealed in gone)
        if left:
            raise VaultError(f"{left} of {len(gone)} erased values are still in the bytes of {self.path}")
        return len(gone)

    # ---------------------------------------------------------------- finding

    def find(self, value: str, *, parts: bool = False) -> list[Entry]:
        """Where `value` (a name, an address, a number, as one would write it) stood, by record and place.

        Case, accents, punctuation, the order of a name's words, and whether an e-mail address is spelt out do not
        matter. With `parts` also names whose words
        are only some of the value's, as "John" is of "John Smith".
        """
        wanted = forms(value)
        whole = self._with_form([*wanted.whole, *earlier_mails(value)])
        words = [self._with_form([f"word {word}"]) for word in wanted.words]
        matches = dict.fromkeys(set.intersection(*words), "words") if words else {}
        matches |= dict.fromkeys(whole, "whole")
        if parts and words:
            for number in sorted(set.union(*words) - set(matches)):
                held = sum(number in own for own in words)
                if held == self._word_count(number):
                    matches[number] = "part"
        found = [entry for number, match in matches.items() for entry in self._entries(number, match)]
        return sorted(found, key=lambda e: (e.record_id, e.text_hash, e.message, e.start, e.original))

    def records(self, value: str) -> list[str]:
        """The ids of the records in which `value` stood (whole, or a name with all its words)."""
        return sorted({entry.record_id for entry in self.find(value)})

    def entries(self, record_id: str) -> list[Entry]:
        """Everything that was replaced in one record (its id or the beginning of it), in order."""
        rows = self._rows(
            """SELECT p.record_id, p.text_hash, p.message, p.start, p."end", o.entity, o.token, o.id
            FROM places p JOIN originals o ON o.id = p.original
            WHERE substr(p.record_id, 1, ?) = ? ORDER BY 1, 2, 3, 4, 8""",
            [len(record_id), record_id],
        )
        return [_entry(row[:7], "record", row[7]) for row in rows]

    def tokens(self) -> Iterator[tuple[str, str]]:
        """Every (type, token) that stands for something."""
        yield from self._rows("SELECT DISTINCT entity, token FROM originals ORDER BY 1, 2")

    def counts(self) -> dict[str, int]:
        """How many originals of each type are kept."""
        return dict(self._rows("SELECT entity, count(*) FROM originals GROUP BY entity ORDER BY entity"))

    # ---------------------------------------------------------------- reading originals

    def reveal(self, token: str, *, because: str) -> list[Revealed]:
        """The originals for which `token` stands (case does not matter), or of a record, by its id or beginning.

        Writes an access entry before anything is shown. Raises VaultError for what is not in the vault and where no
        reason is given.
        """
        if not because.strip():
            raise VaultError("an original is shown for a reason only", 'say why: --because "complaint 17"')
        rows = self._rows(
            """SELECT entity, token, sealed, (SELECT count(DISTINCT record_id) FROM places WHERE original = o.id)
            FROM originals o WHERE token = ? COLLATE NOCASE ORDER BY 1, 2, id""",
            [token],
        )
        if len(rows) > MOST_REVEALED:
            raise VaultError(
                f"'{token}' stands for {len(rows):,} values",
                "ask for one record: python -m data reveal RECORD --because TEXT",
            )
        if not rows and len(token) >= 4:
            rows = self._rows(
                """SELECT o.entity, o.token, o.sealed, 1 FROM places p JOIN originals o ON o.id = p.original
                WHERE substr(p.record_id, 1, ?) = ? ORDER BY p.record_id, p.text_hash, p.message, p.start""",
                [len(token), token],
            )
        if not rows:
            raise VaultError(
                "the vault holds no such token and no such record",
                "a token is typed as it stands in the text; record ids: python -m data show latest",
            )
        with self._transaction() as cursor:
            self.log.write(cursor, "reveal", token, because, len(rows))
        return [Revealed(e, t, self._sealer.opened(e, t, sealed), n) for e, t, sealed, n in rows]

    def access(self) -> list[Access]:
        """The access log, oldest first. Raises VaultError where an entry was changed or taken out."""
        with _guarded(self.path):
            return self.log.read()

    # ---------------------------------------------------------------- parts of the above

    def _with_form(self, wanted: Sequence[str]) -> set[int]:
        """The originals that are kept by one of these forms, or by what stood for it in an older tuneproof."""
        return {
            number
            for form in wanted
            for spelling in (form, *earlier(form))
            for (number,) in self._rows(
                "SELECT original FROM forms WHERE form = ?", [self._sealer.index("form", spelling)]
            )
        }

    def _word_count(self, number: int) -> int:
        """How many words of a name are indexed for an original; its forms are these and one of the whole."""
        ((count,),) = self._rows("SELECT count(*) - 1 FROM forms WHERE original = ?", [number])
        return int(count)

    def _entries(self, number: int, match: str) -> list[Entry]:
        rows = self._rows(
            """SELECT p.record_id, p.text_hash, p.message, p.start, p."end", o.entity, o.token
            FROM places p JOIN originals o ON o.id = p.original WHERE o.id = ?""",
            [number],
        )
        return [_entry(row, match, number) for row in rows]

    def _rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _guarded(self.path):
            return self._connection.execute(sql, list(params)).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with _guarded(self.path):
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()


def _entry(row: Sequence[Any], match: str, original: int) -> Entry:
    record_id, text_hash, message, start, end, entity, token = row
    return Entry(record_id, text_hash, message, start, end, entity, token, match, original)


def _connected(path: Path) -> sqlite3.Connection:
    with _guarded(path):
        # The file is one file: no write-ahead log beside it, and what is deleted is overwritten.
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """SQLite's errors as VaultError; they never hold a value."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        message = str(error)
        if "locked" in message or "busy" in message:
            raise VaultError(f"the vault {path} is in use by another process", "wait until it ends") from None
        if "malformed" in message or "not a database" in message or "disk image" in message:
            raise VaultError(
                f"the vault {path} is damaged; nothing was changed", "restore it from a backup"
            ) from None
        if "readonly" in message or "unable to open" in message:
            raise VaultError(f"cannot write the vault {path}: {message}", WAY) from None
        raise
