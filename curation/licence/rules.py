"""Whether a licence fits: what the policy, `allow` and `deny` say of an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from curation.licence.config import LicenceConfig, Policy
from curation.licence.names import spdx_id, versioned
from curation.licence.policies import POLICIES
from curation.licence.spdx import AllOf, Expression, Licence, OneOf, parse
from data.errors import ConfigError


class Standing(IntEnum):
    """What is said of a licence, the worst first: of `A AND B` the least holds, of `A OR B` the greatest."""

    forbidden = 0
    undecided = 1
    allowed = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """The ids, alone or with their exception, that are allowed (None: all on SPDX's list) and denied."""

    policy: Policy
    allowed: frozenset[str] | None
    also_allowed: frozenset[str]
    denied: frozenset[str]

    def standing(self, expression: Expression) -> Standing:
        """What holds of an expression; with no LicenseRef in it: can one choose at every OR so that all is allowed?"""
        if isinstance(expression, AllOf):
            return min(self.standing(part) for part in expression.parts)
        if isinstance(expression, OneOf):
            return max(self.standing(part) for part in expression.parts)
        # An exception only permits more, so that a licence allowed without is allowed with it.
        names = {expression.id, str(expression)}
        if names & self.denied:
            return Standing.forbidden
        if names & self.also_allowed or (self.allowed is not None and names & self.allowed):
            return Standing.allowed
        if not expression.is_known:
            return Standing.undecided
        return Standing.allowed if self.allowed is None else Standing.forbidden

    def objections(self, expression: Expression) -> Iterator[str]:
        """Why an expression is forbidden: each forbidden licence in it, once a place, in words."""
        if not isinstance(expression, Licence):
            for part in expression.parts:
                yield from self.objections(part)
        elif self.standing(expression) is Standing.forbidden:
            if {expression.id, str(expression)} & self.denied:
                yield f"{expression if expression.is_known else 'a LicenseRef'}: denied"
            elif self.policy is Policy.listed:
                yield f"{expression}: not in licence.allow"
            else:
                yield f"{expression}: not in policy {self.policy}"


def rules_of(config: LicenceConfig) -> Rules:
    """The rules of a configuration. Raises ConfigError for an entry that is no licence."""
    lists = {key: frozenset(_entry(key, text) for text in getattr(config, key)) for key in ("allow", "deny")}
    return Rules(config.policy, POLICIES[config.policy], lists["allow"], lists["deny"])


@lru_cache(maxsize=100_000)
def read(text: str) -> Expression | None:
    """What a record states as an expression; usual names are read too. None where it cannot be read.

    `MIT/Apache-2.0` is read as OR, as Rust's Cargo meant it; lists with commas could mean either and are not read.
    """
    whole = spdx_id(text) if len(text) <= 200 else None
    if whole is not None:
        return parse(whole)
    if not re.search(r"//|\s(?:and|or|with)\s", text, re.IGNORECASE):
        text = text.replace("/", " OR ")
    parts = re.split(r"([()]|(?<![\w.-])(?:AND|OR|WITH)(?![\w.-]))", text, flags=re.IGNORECASE)
    # Every second part is an operator. An exception's id is no licence, and stays as it is.
    return parse(" ".join(part if at % 2 else (spdx_id(part) or part) for at, part in enumerate(parts)))


def _entry(key: str, text: str) -> str:
    licence = read(str(text))
    if isinstance(licence, Licence):
        return str(licence)
    if licence is not None:
        raise ConfigError(
            f"licence.{key} holds '{text}', which is several licences",
            f"name each by itself: 'licence.{key}=[MIT,Apache-2.0]'",
        )
    better = versioned(str(text))
    raise ConfigError(
        f"licence.{key} holds '{text}', which is no SPDX id",
        f"did you mean '{better}'?"
        if better
        else "ids look like CC-BY-4.0; a licence of your own: LicenseRef-NAME",
    )
