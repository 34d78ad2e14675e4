"""The key of pseudonyms and of the vault: from the environment or from a file of its own, never from a configuration.

Everything that is kept of a key is its fingerprint: 16 hex digits, from which the key cannot be had back.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from data.errors import UserError
from data.trouble import made

VARIABLE = "TUNEPROOF_PII_KEY"
FEWEST_CHARS = 32
FEWEST_DIFFERENT = 10  # a key that a person typed as one letter over and over is none
WAY = "name its file: pii.key_file=FILE"
MAKE = "make a key and a vault: python -m data vault init"


class Key:
    """A secret text, and what is derived from it. It is shown by its fingerprint only and cannot be pickled.

    Raises UserError for a text that is too short to be a secret.
    """

    __slots__ = ("_derived", "_secret", "fingerprint")

    def __init__(self, text: str, *, origin: str = "the key") -> None:
        secret = text.strip()
        if len(secret) < FEWEST_CHARS or len(set(secret)) < FEWEST_DIFFERENT:
            raise UserError(
                f"{origin} is too short: {len(secret)} characters, {len(set(secret))} of them different",
                f"wanted: at least {FEWEST_CHARS} characters, best drawn by chance",
            )
        self._secret = secret.encode("utf-8")
        self._derived: dict[str, bytes] = {}
        self.fingerprint = self.derived("fingerprint").hex()[:16]

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose (HKDF-SHA256, RFC 5869, no salt), which tell nothing of those for another."""
        if purpose not in self._derived:
            extracted = hmac.digest(bytes(32), self._secret, hashlib.sha256)
            info = f"tuneproof/{purpose}".encode() + b"\x01"
            self._derived[purpose] = hmac.digest(extracted, info, hashlib.sha256)
        return self._derived[purpose]

    def mac(self, purpose: str, value: str) -> bytes:
        """HMAC-SHA256 of a text under the key for `purpose`: 32 bytes."""
        return hmac.digest(self.derived(purpose), value.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def __repr__(self) -> str:
        return f"Key({self.fingerprint})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled: worker processes get none")


def default_key_file() -> Path:
    """Where a key is looked for that neither a configuration nor the environment names."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(home) / "tuneproof" / "pii.key"


def load_key(key_file: str = "", *, else_do: str = MAKE) -> Key:
    """The key of `key_file`; where none is named that of the variable TUNEPROOF_PII_KEY; else of the default file.

    Raises UserError where there is no key, or where other people may read the file; its last hint is `else_do`, what
    to do where no key can be named.
    """
    variable = os.environ.get(VARIABLE, "")
    if not key_file and variable:
        return _key(variable, VARIABLE, else_do)
    path = Path(key_file).expanduser() if key_file else default_key_file()
    if not path.is_file():
        if not key_file:
            raise UserError(
                "there is no key for pseudonyms and the vault",
                f"looked for: the variable {VARIABLE}, then {path}",
                WAY,
                else_do,
            )
        raise UserError(
            f"no key file {path}", f"name another, or name none and set the variable {VARIABLE}", else_do
        )
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"others may read the key file {path}", f"close it: chmod 600 {path}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"the key file {path} is not text", WAY, else_do) from None
    return _key(text, f"the key in {path}", else_do)


@lru_cache(maxsize=8)
def _key(text: str, origin: str, else_do: str) -> Key:
    try:
        return Key(text, origin=origin)
    except UserError as error:
        raise UserError(error.problem, *error.hints, else_do) from None


def new_key_file(path: Path) -> Key:
    """A key drawn by chance (256 bits), written to a new file that only its owner can read."""
    made(path.parent, "name another file: --key-file FILE", name=path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UserError(f"{path} exists already", "name another file: --key-file FILE") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    return load_key(str(path))
