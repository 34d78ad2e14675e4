"""Other names for persons: one for each word of a name, decided by the key and that word alone.

    John Smith -> Mark Brown     John -> Mark     Mr Smith -> Mr Brown     SMITH, John -> BROWN, Mark     José = Jose

No list of persons is kept, so the order of the records, the number of processes and later data change nothing, and
every form of a name becomes the same form of one other name. Two persons with one first name go on sharing one. A
name's first letter says nothing of the original; an initial ("J. Smith") becomes a letter of its own.

Names, their gender and language come from Faker's lists. A word that is in none is taken for a family name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

from data.key import Key
from data.sealing import HONORIFICS, normalised

# Faker's locales by language, the first that knows a name counts. English first: its lists hold many names of others.
LANGUAGES = {
    "en": ("en_US", "en_GB"),
    "de": ("de_DE", "de_AT"),
    "fr": ("fr_FR",),
    "es": ("es_ES", "es_MX"),
    "it": ("it_IT",),
    "nl": ("nl_NL",),
    "sv": ("sv_SE",),
    "pt": ("pt_BR", "pt_PT"),
    "tr": ("tr_TR",),
    "fi": ("fi_FI",),
    "in": ("en_IN",),
    "yo": ("yo_NG",),
}
MORE_FAMILIES = {"en": ("en_IE",)}
FEWEST_NAMES = 100  # a shorter list would give too many persons one name: the English one is taken
# Words before a family name.
PARTICLES = frozenset(
    {
        "van",
        "von",
        "der",
        "den",
        "de",
        "di",
        "da",
        "del",
        "della",
        "dos",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ibn",
        "zu",
    }
)
# A letter may have its accents apart, as the i of "i\u0307brahim" has, which is what lower() makes of "İbrahim".
_WORD = re.compile(r"(?:[^\W\d_][\u0300-\u036f]*)+|\d+")
# The ending of "Smith's": part of the sentence, not of the name.
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")


class NameKind(NamedTuple):
    """What the lists say of a word: `given` or `family`, `male`, `female` or empty, and the language."""

    role: str
    gender: str
    language: str


class Names(NamedTuple):
    """The lists of one language, sorted: what a name is drawn from."""

    male: tuple[str, ...]
    female: tuple[str, ...]
    family: tuple[str, ...]

    def of(self, kind: NameKind) -> tuple[str, ...]:
        """The names that may stand for one of this kind."""
        if kind.role == "family":
            return self.family
        return {"male": self.male, "female": self.female}.get(kind.gender) or self.male + self.female


class Pseudonyms:
    """Gives names under one key."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._known: dict[str, str] = {}

    def person(self, name: str) -> str:
        """The name that stands for `name`, with its titles, particles, punctuation and capitals."""
        ends = [match.span() for match in _POSSESSIVE.finditer(name)]
        words = [m for m in _WORD.finditer(name) if not any(a <= m.start() < b for a, b in ends)]
        chosen = [m for n, m in enumerate(words) if not _stays(m.group(), n == 0, n == len(words) - 1)]
        pieces, at = [], 0
        for match in chosen or words:
            pieces += [name[at : match.start()], self.word(match.group())]
            at = match.end()
        return "".join([*pieces, name[at:]])

    def word(self, word: str) -> str:
        """What stands for one word of a name, written in capitals or small letters as it is."""
        plain = normalised(word)
        if plain not in self._known:
            self._known[plain] = self._drawn(plain)
        return in_case_of(word, self._known[plain])

    def _drawn(self, plain: str) -> str:
        if plain.isdigit():
            return self._layout(plain, "0123456789")
        if len(plain) == 1 or not _LATIN.fullmatch(plain):
            return self._layout(plain, "abcdefghijklmnoprstw").capitalize()
        kind = kind_of(plain)
        pool = lists()[kind.language].of(kind)
        start = int.from_bytes(self._key.mac("name", plain)[:8])
        for step in range(len(pool)):
            drawn = pool[(start + step) % len(pool)]
            other = normalised(drawn)
            if other not in plain and plain not in other:
                return drawn
        raise AssertionError("a list of names holds nothing but forms of one name")

    def _layout(self, plain: str, alphabet: str) -> str:
        """Sign for sign another one."""
        drawn = self._key.mac("sign", plain)
        signs = [alphabet[drawn[i % len(drawn)] % len(alphabet)] for i in range(len(plain))]
        same = "".join(signs) == plain
        return (
            "".join(signs)
            if not same
            else "".join(alphabet[(alphabet.index(s) + 1) % len(alphabet)] for s in signs)
        )


def _stays(word: str, first: bool, last: bool) -> bool:
    """Whether a word of a name is none: a title; a particle before another word ("van Gogh", but not "Al Green")."""
    plain = normalised(word)
    return plain in HONORIFICS or (plain in PARTICLES and not last and (word.islower() or not first))


def in_case_of(word: str, drawn: str) -> str:
    """`drawn` in capitals, small letters or as a name is written, as `word` is."""
    if word.isupper() and len(word) > 1:
        return drawn.upper()
    # Of İ there is left a dot by itself, which no small i needs.
    return drawn.lower().replace("i\u0307", "i") if word.islower() else drawn


def kind_of(plain: str) -> NameKind:
    """What the lists say of a word (in the form of `normalised`)."""
    return _kinds().get(plain, NameKind("family", "", "en"))


@lru_cache(maxsize=1)
def lists() -> dict[str, Names]:
    """The lists of names by language; short ones are the English ones."""
    found: dict[str, Names] = {}
    for language, locales in LANGUAGES.items():
        male, female, family = _three(language, locales)
        english = found.get("en")
        if english is not None:
            male = male if len(male) >= FEWEST_NAMES else english.male
            female = female if len(female) >= FEWEST_NAMES else english.female
            family = family if len(family) >= FEWEST_NAMES else english.family
        found[language] = Names(male, female, family)
    return found


@lru_cache(maxsize=1)
def _kinds() -> dict[str, NameKind]:
    kinds: dict[str, NameKind] = {}
    for language, locales in LANGUAGES.items():
        male, female, family = (frozenset(map(normalised, names)) for names in _three(language, locales))
        for name in sorted(male | female):
            gender = "" if name in male and name in female else "male" if name in male else "female"
            kinds.setdefault(name, NameKind("given", gender, language))
        for name in sorted(family):
            kinds.setdefault(name, NameKind("family", "", language))
    return kinds


def _three(language: str, locales: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    families = (*locales, *MORE_FAMILIES.get(language, ()))
    return (
        _of(locales, "first_names_male"),
        _of(locales, "first_names_female"),
        _of(families, "last_names"),
    )


def _of(locales: Sequence[str], which: str) -> tuple[str, ...]:
    """The one-word names of a list of Faker's, sorted."""
    names: set[str] = set()
    for locale in locales:
        names.update(getattr(import_module(f"faker.providers.person.{locale}").Provider, which))
    return tuple(sorted(name for name in names if len(name) > 2 and _LATIN.fullmatch(name)))
