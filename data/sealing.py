"""Sealing: an original value encrypted, and the blind indexes by which it is found again without being read.

Encryption is AES-256-GCM with a nonce drawn for each value; type and token are authenticated with it. A blind index is
an HMAC of a normalised form under a key of its own, so that who has the file but not the key can test no guess.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from functools import lru_cache
from itertools import product
from typing import NamedTuple, TypedDict

import polars as pl

from data.errors import VaultError
from data.key import Key

NONCE_BYTES = 12
INDEX_BYTES = 16
MOST_DOTTED = 6  # a form with more i's (64 spellings) is looked for as it is; the words of a name have fewer
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_AT = re.compile(r"[\s(\[{]+(?:at|@)[\s)\]}]+", re.IGNORECASE)
_DOT = re.compile(r"[\s(\[{]+dot[\s)\]}]+", re.IGNORECASE)
TAIL_DIGITS = 9  # what two spellings of a telephone number (+1 212 ..., 212 ...) have in common
# Words beside a name that are not part of it.
HONORIFICS = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "professor",
        "sir",
        "madam",
        "dame",
        "lord",
        "lady",
        "rev",
    }
    | {
        "fr",
        "herr",
        "frau",
        "mme",
        "mlle",
        "monsieur",
        "sr",
        "sra",
        "srta",
        "jr",
        "ii",
        "iii",
        "iv",
    }
    | {"phd", "md", "esq"}
)


class Sealed(TypedDict):
    """One replaced stretch of a record, as a verdict carries it to the vault.

    message, start, end   where the token stands: the message's number and characters [start, end) of its new content
    entity, token         the type, and what stands in the text now
    exact                 blind index of (type, original, token): equal ones are kept once
    words                 blind indexes of normalised forms, see `forms`
    original              the encrypted original
    """

    message: int
    start: int
    end: int
    entity: str
    token: str
    exact: bytes
    words: list[bytes]
    original: bytes


SEALED = pl.List(
    pl.Struct(
        {
            "message": pl.Int64,
            "start": pl.Int64,
            "end": pl.Int64,
            "entity": pl.String,
            "token": pl.String,
            "exact": pl.Binary,
            "words": pl.List(pl.Binary),
            "original": pl.Binary,
        }
    )
)


class Forms(NamedTuple):
    """Normalised forms of a value: those of all of it, and its words (without honorifics and single letters)."""

    whole: tuple[str, ...]
    words: tuple[str, ...]


def normalised(value: str) -> str:
    """Words in lower case without accents, one space between them.

    The Turkish dotless ı counts as i: its capital is the I that is also the capital of i in other languages, so that
    "IŞIK" may be "ışık" or "işik", and a person may be written all three ways.
    """
    plain = unicodedata.normalize("NFKD", value)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold().replace("ı", "i")
    return re.sub(r"[\W_]+", " ", plain).strip()


@lru_cache(maxsize=50_000)
def forms(value: str) -> Forms:
    """What a value is found by: all of it; its digits where it is made of digits; the words of a name."""
    plain = normalised(_mail(value) or value)
    whole = [f"all {plain}"]
    digits = re.sub(r"\D", "", value)
    if len(digits) >= 7 and not re.search(r"[^\W\d_]", value):
        whole.append(f"digits {digits}")
        if len(digits) >= TAIL_DIGITS:
            whole.append(f"tail {digits[-TAIL_DIGITS:]}")
    words = dict.fromkeys(w for w in plain.split() if len(w) > 1 and w not in HONORIFICS)
    return Forms(tuple(whole), tuple(words))


def _mail(value: str) -> str:
    """The e-mail address that `value` is, with its @ and dots where it is spelt out ("jane at example dot com")."""
    plain = _AT.sub("@", _DOT.sub(".", value.strip()))
    return plain if _EMAIL.fullmatch(plain) else ""


def earlier_mails(value: str) -> list[str]:
    """What may stand for an e-mail address in a vault that was filled while one that is spelt out was another."""
    local, _, domain = _mail(value).partition("@")
    spellings = product((" ", " dot "), (" ", " at "), (" ", " dot "))
    return [
        f"all {normalised(local.replace('.', a) + b + domain.replace('.', c))}"
        for a, b, c in spellings
        if domain
    ]


def earlier(form: str) -> list[str]:
    """What may stand for this form of `forms` in a vault that was filled while ı did not count as i yet."""
    kind, _, plain = form.partition(" ")
    if kind not in ("all", "word") or plain.count("i") > MOST_DOTTED:
        return []
    spellings = product(*("iı" if letter == "i" else letter for letter in plain))
    return [f"{kind} {''.join(letters)}" for letters in spellings][1:]  # the first is the form itself


class Sealer:
    """Encrypts with a key; holds no file."""

    def __init__(self, key: Key) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._key = key
        self._cipher = AESGCM(key.derived("vault/encrypt"))

    def seal(self, entity: str, original: str, token: str, *, message: int, start: int, end: int) -> Sealed:
        """See `Sealed`. The same value sealed twice gives other bytes, but the same `exact`."""
        found = forms(original)
        wanted = [*found.whole, *(f"word {w}" for w in found.words if entity == "PERSON")]
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, original.encode("utf-8", "surrogatepass"), _bound(entity, token))
        return Sealed(
            message=message,
            start=start,
            end=end,
            entity=entity,
            token=token,
            exact=self.index("exact", "\0".join((entity, original, token))),
            words=[self.index("form", form) for form in wanted],
            original=nonce + sealed,
        )

    def index(self, purpose: str, form: str) -> bytes:
        """The blind index of a normalised form."""
        return self._key.mac(f"vault/{purpose}", form)[:INDEX_BYTES]

    def opened(self, entity: str, token: str, sealed: bytes) -> str:
        """The original. Raises VaultError where the bytes, the type or the token are not those that were sealed."""
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(entity, token))
        except (InvalidTag, ValueError):
            raise VaultError(
                "an entry of the vault does not open: it was changed since it was written",
                "restore the vault from a backup",
            ) from None
        return plain.decode("utf-8", "surrogatepass")


def _bound(entity: str, token: str) -> bytes:
    return "\0".join((entity, token)).encode("utf-8", "surrogatepass")
