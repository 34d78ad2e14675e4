"""The desk's folder: what lies in it, its lock, its credentials.

argilla.db          Argilla's database: records, answers, users
credentials.json    users with passwords and API keys, mode 600
server.json         address and process of the running server
server.log          what the server says
lock                held by the running server
tmp/                the server's scratch files
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.desk.config import DeskConfig
from data.errors import UserError
from data.trouble import made

OTHER_HOME = "name another folder: desk.home=FOLDER, or the variable TUNEPROOF_DESK"
# Without 0, o, 1, l, i: passwords are typed from a sheet of paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder at `folder`, which need not exist."""

    folder: Path

    @classmethod
    def of(cls, desk: DeskConfig) -> Home:
        """The home that the configuration names."""
        return cls(Path(desk.home).expanduser().absolute())

    @property
    def database(self) -> Path:
        """Argilla's SQLite file."""
        return self.folder / "argilla.db"

    @property
    def credentials(self) -> Path:
        """The file with users, passwords and keys."""
        return self.folder / "credentials.json"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    @property
    def state(self) -> Path:
        """Where the running server is."""
        return self.folder / "server.json"

    def make(self) -> None:
        """Make the folder, for its owner only. Raises UserError where that cannot be."""
        made(self.folder, OTHER_HOME)
        try:
            self.folder.chmod(stat.S_IRWXU)
        except OSError as error:
            raise UserError(f"cannot use {self.folder}: {error.strerror}", OTHER_HOME) from None

    def lock(self) -> int | None:
        """Take the home for a server: the open lock file, or None where another server has it.

        The lock is the open file's, so a process that inherits it holds it too, and it ends with the last of them.
        """
        try:
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error.strerror}", OTHER_HOME) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    def is_served(self) -> bool:
        """Whether a server holds the lock."""
        if not (self.folder / "lock").exists():
            return False
        handle = self.lock()
        if handle is not None:
            os.close(handle)
        return handle is None

    def read_credentials(self) -> dict[str, Any]:
        """The credentials; empty where none were made yet. Raises UserError for a damaged file."""
        try:
            held = json.loads(self.credentials.read_text(encoding="utf-8"))
            assert isinstance(held["users"], dict) and isinstance(held["secret"], str)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UserError(f"cannot read {self.credentials}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AssertionError):
            raise UserError(
                f"{self.credentials} is damaged",
                f"remove it, and up gives every user a new password: rm {self.credentials}",
            ) from None
        return dict(held)

    def write_credentials(self, credentials: dict[str, Any]) -> None:
        """Store the credentials, readable by the owner only at every moment."""
        fresh = self.credentials.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(credentials, file, indent=1)
        fresh.replace(self.credentials)

    def read_state(self) -> dict[str, Any]:
        """Address and process of the server that runs or ran last; empty where none is known."""
        try:
            state = json.loads(self.state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def check_database(self) -> None:
        """Raise UserError where the database is no SQLite file or is damaged at its beginning."""
        if not self.database.exists():
            return
        try:
            connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{self.database} cannot be read: {error}",
                "put a backup into another home: python -m curation.desk restore FILE desk.home=FOLDER",
                OTHER_HOME,
            ) from None


def make_accounts(desk: DeskConfig, held: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(credentials with every user that the configuration names, names of the users that are new).

    Users that are no longer named stay.
    """
    users = dict(held.get("users", {}))
    roles = {desk.owner: "owner"} | dict.fromkeys(desk.annotators, "annotator")
    new = [name for name in roles if name not in users]
    for name in new:
        users[name] = {"password": password(), "api_key": secrets.token_urlsafe(32)}
    for name, role in roles.items():
        users[name] = {**users[name], "role": role}
    return {"secret": held.get("secret") or secrets.token_hex(32), "users": users}, new


def password() -> str:
    """A random password of 79 bits that can be typed: four groups of four."""
    letters = [secrets.choice(_ALPHABET) for _ in range(16)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, 16, 4))
