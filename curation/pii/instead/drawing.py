"""Drawing by key: numbers, signs and choices that depend on the key and the value, and on nothing else."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import TypeVar

from data.key import Key

Choice = TypeVar("Choice")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Drawn:
    """A stream of numbers for one value: HMAC-SHA256 of the value and a counter. Equal values draw equally."""

    def __init__(self, key: Key, purpose: str, value: str) -> None:
        self._key = key
        self._purpose = purpose
        self._value = value
        self._bytes: list[int] = []
        self._blocks = 0

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1 (limit at most 2 ** 32)."""
        while len(self._bytes) < 8:  # 64 bits: the remainder favours no number noticeably
            block = self._key.mac(f"drawn/{self._purpose}", f"{self._blocks}\0{self._value}")
            self._bytes.extend(block)
            self._blocks += 1
        number = int.from_bytes(bytes(self._bytes[:8]))
        del self._bytes[:8]
        return number % limit

    def choice(self, choices: Sequence[Choice]) -> Choice:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def sign(self, sign: str) -> str:
        """A digit for a digit, a letter for an ASCII letter in the same case; any other sign stays."""
        if sign in string.digits:
            return str(self.below(10))
        if sign in string.ascii_letters:
            letter = LETTERS[self.below(26)]
            return letter.upper() if sign.isupper() else letter
        # Signs of other scripts and "¹" are drawn from the same ones.
        return str(self.below(10)) if sign.isnumeric() else "x" if sign.isalpha() else sign

    def layout(self, text: str) -> str:
        """Every letter and digit drawn anew, everything else as it was."""
        return "".join(map(self.sign, text))


# (purpose, value) -> what is drawn for the value.
Draw = Callable[[str, str], Drawn]


def filled(text: str, digits: Sequence[str] | str) -> str:
    """`text` with its digits replaced, in order, by `digits` (as many as it has)."""
    given = iter(digits)
    return "".join(next(given) if sign in string.digits else sign for sign in text)


def digits_of(text: str) -> str:
    """The digits 0 to 9 of a text."""
    return "".join(sign for sign in text if sign in string.digits)
