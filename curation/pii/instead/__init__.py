"""What stands in the place of a finding: one operator for all types, or one for each (`config.Operator`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from curation.pii.config import KEYED, Operator, PiiConfig
from curation.pii.instead.names import Pseudonyms
from curation.pii.instead.partial import partial
from curation.pii.instead.surrogates import Surrogates
from data.key import Key, load_key
from data.sealing import Sealer, forms, normalised

HASH_DIGITS = 12  # 48 bits: among a million values two share a hash with a probability of .002
REMEMBERED_VALUES = 100_000

__all__ = ["Numbers", "Operators"]


class Numbers:
    """Numbers of placeholders within one record: the same for the same value, none that its text uses already."""

    def __init__(self) -> None:
        self._highest: Counter[str] = Counter()
        self._given: dict[tuple[str, str], int] = {}

    def used(self, entity: str, number: int) -> None:
        """A number that stands in the text already."""
        self._highest[entity] = max(self._highest[entity], number)

    def of(self, entity: str, value: str) -> int:
        """The number of a value."""
        key = entity, normalised(value)
        if key not in self._given:
            self._highest[entity] += 1
            self._given[key] = self._highest[entity]
        return self._given[key]


class Operators:
    """The operators of a configuration; what they write depends on nothing but type, value, key and, for `numbered`,
    the record.

    Raises UserError where they want a key and there is none.
    """

    def __init__(self, config: PiiConfig) -> None:
        self._operator_of = config.operator_of
        self.tags_only = config.operator is Operator.tag
        self.whole_record = config.whole_record
        key = load_key(config.key_file) if config.wants_key else None
        self.sealer = Sealer(key) if key is not None and config.vault else None
        used = {config.operator, *config.operators.values()}
        self._keyed = _keyed(key) if key is not None and not KEYED.isdisjoint(used) else {}
        self._known: dict[tuple[str, str], str] = {}

    def written(self, entity: str, value: str, numbers: Numbers) -> str:
        """What stands for `value`, never the value itself: where an operator has nothing to say, the placeholder."""
        operator = self._operator_of(entity)
        if operator is Operator.numbered:
            return f"<{entity}_{numbers.of(entity, value)}>"
        known = self._known.get((entity, value))
        if known is None:
            known = self._written(operator, entity, value)
            if len(self._known) >= REMEMBERED_VALUES:
                self._known.clear()
            self._known[entity, value] = known
        return known

    def _written(self, operator: Operator, entity: str, value: str) -> str:
        if operator is Operator.redact:
            return ""
        if operator is Operator.partial:
            found = partial(entity, value)
        else:
            rule = self._keyed.get(operator)
            found = rule(entity, value) if rule else None
        # A few formats leave nothing to change ("0"); and a value that stays is none that was replaced.
        return found if found and normalised(found) != normalised(value) else f"<{entity}>"


def _same(entity: str, value: str) -> str:
    """One form for all spellings: of a telephone number its last digits, of other numbers their digits."""
    whole = forms(value).whole
    return whole[-1] if entity == "PHONE_NUMBER" else whole[min(1, len(whole) - 1)]


def _keyed(key: Key) -> dict[Operator, Callable[[str, str], str | None]]:
    pseudonyms = Pseudonyms(key)
    surrogates = Surrogates(key, pseudonyms)

    def hashed(entity: str, value: str) -> str:
        return f"<{entity}_{key.mac('hash', f'{entity} {_same(entity, value)}').hex()[:HASH_DIGITS]}>"

    def pseudonym(entity: str, value: str) -> str:
        return pseudonyms.person(value) if entity == "PERSON" else hashed(entity, value)

    return {
        Operator.hash: hashed,
        Operator.pseudonym: pseudonym,
        Operator.surrogate: surrogates.of,
    }
