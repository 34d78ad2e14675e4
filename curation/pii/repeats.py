"""What was found once in a record is found in all of it: a model misses the "Zoltan?" of a later turn.

Looked for are whole names in any case, also as "Family, Given"; the words of a name where they are written as names,
and, where they are ordinary English words too, behind a title ("Mr Baker"); numbers and addresses as they were found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from curation.pii.finding import Finding
from data.errors import MissingPackage
from data.sealing import HONORIFICS

FEWEST_LETTERS = 3
FEWEST_SIGNS = 5  # of a number or an address
NOT_REPEATED = frozenset(
    {"DATE_TIME", "DATE_OF_BIRTH", "AGE", "LOCATION", "NRP", "ORGANIZATION", "TITLE", "URL", "ZIP_CODE"}
)
SCORE = 0.5
_TITLES = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam)\.?\s+"
_WRITTEN_AS_NAME = re.compile(r"(?:Mc|Mac)?[^\W\d_a-z][^\W\d_A-Z]+")
_WORD = re.compile(r"[^\W\d_]+")


class Repeats:
    """Finds the values of one record again."""

    def __init__(self) -> None:
        self._wanted: dict[
            str, tuple[str, bool]
        ] = {}  # in small letters -> type, and whether a capital is wanted
        self._pattern: re.Pattern[str] | None = None
        self._behind_titles: dict[str, None] = {}
        self._titled: re.Pattern[str] | None = None

    def add(self, values: Iterable[tuple[str, str]]) -> bool:
        """Also look for these (type, value); returns whether there is something new among them."""
        before = len(self._wanted) + len(self._behind_titles)
        for entity, value in values:
            if entity == "PERSON":
                self._add_name(value)
            elif entity not in NOT_REPEATED and sum(map(str.isalnum, value)) >= FEWEST_SIGNS:
                self._wanted.setdefault(value.casefold(), (entity, False))
        if len(self._wanted) + len(self._behind_titles) == before:
            return False
        if self._behind_titles:
            words = "|".join(map(re.escape, self._behind_titles))
            self._titled = re.compile(rf"\b{_TITLES}({words})(?!\w)", re.IGNORECASE)
        longest_first = sorted(self._wanted, key=lambda text: (-len(text), text))
        # Not within a word, an address or a name in program code.
        self._pattern = re.compile(
            rf"(?<![\w@./-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w@(/]|[.-]\w)", re.IGNORECASE
        )
        return True

    def find(self, text: str) -> list[Finding]:
        """Where they stand in `text`."""
        found: list[Finding] = []
        if self._titled is not None:
            found += [Finding("PERSON", *match.span(1), SCORE) for match in self._titled.finditer(text)]
        for match in self._pattern.finditer(text) if self._pattern is not None and self._wanted else ():
            entity, capital = self._wanted.get(match.group().casefold(), ("", False))
            if entity and not (capital and not match.group()[0].isupper()):
                found.append(Finding(entity, *match.span(), SCORE))
        return found

    def _add_name(self, value: str) -> None:
        from curation.pii.wordlists import ordinary_nouns, ordinary_words

        words = [match.group() for match in _WORD.finditer(value)]
        names = [word for word in words if word.casefold() not in HONORIFICS and len(word) >= FEWEST_LETTERS]
        try:
            ordinary = ordinary_words(), ordinary_nouns()
        except MissingPackage:  # the lists come with the spaCy model, and so do the names
            return
        if not _is_person(names):
            return
        if len(names) > 1:
            self._wanted.setdefault(value.casefold(), ("PERSON", False))
            turned = f"{names[-1]}, {' '.join(names[:-1])}"
            self._wanted.setdefault(turned.casefold(), ("PERSON", False))
        for word in names:
            plain = word.casefold()
            if not any(plain in kind for kind in ordinary):
                self._wanted.setdefault(plain, ("PERSON", True))
            elif len(names) > 1:
                self._behind_titles.setdefault(plain)


def _is_person(names: list[str]) -> bool:
    """Whether words are written as a name and a known name is among them: a model takes "SuSE" for a person too."""
    from curation.pii.wordlists import family_names, given_names

    written = [word.casefold() for word in names if _WRITTEN_AS_NAME.fullmatch(word)]
    if not written or not all(word.isupper() or word.casefold() in written for word in names):
        return False
    known = (given_names(),) if len(names) > 1 else (given_names(), family_names())
    return any(word in words for word in written for words in known)
