"""SPDX licence expressions (SPDX 2.3, annex D), parsed by license-expression with the list in its wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from data.errors import MissingPackage

# A longer text is no expression but a licence's wording.
MAX_CHARS = 1_000
CUSTOM = re.compile(r"(?:DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence, with its exception if it has one. `is_known`: on SPDX's list, not a LicenseRef of one's own."""

    id: str
    exception: str = ""
    is_known: bool = True

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True, slots=True)
class AllOf:
    """`A AND B`: every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """`A OR B`: whoever uses it chooses one."""

    parts: tuple[Expression, ...]


Expression = Licence | AllOf | OneOf


@dataclass(frozen=True, slots=True)
class Known:
    """What the package knows: its parser, and each licence by the ways of writing its id."""

    licensing: Any
    licences: dict[str, str]


@cache
def known() -> Known:
    """The list of the package; loads in about .1 s. Raises MissingPackage."""
    try:
        from license_expression import get_spdx_licensing
    except ImportError as error:
        raise MissingPackage(
            "the licence stage needs the package license-expression",
            "pip install 'tuneproof[curation]'",
            "or switch the stage off: licence=off",
        ) from error
    licensing = get_spdx_licensing()
    licences: dict[str, str] = {}
    for name, symbol in licensing.known_symbols.items():
        if not symbol.is_exception:
            spellings = [name, *(a for a in symbol.aliases if not a.startswith("LicenseRef-"))]
            licences |= dict.fromkeys(spellings, name)
    return Known(licensing, licences)


def parse(text: str) -> Expression | None:
    """`text` as an expression of SPDX ids and LicenseRefs; None where it is none.

    Ids may be written in any case. `Apache-2.0+` counts as Apache-2.0, one of the versions that it offers.
    """
    # The package sees no harm in empty parentheses and finds nothing in them.
    if len(text) > MAX_CHARS or not text.strip() or re.search(r"\(\s*\)", text):
        return None
    from boolean.boolean import ParseError
    from license_expression import ExpressionError

    try:
        node = known().licensing.parse(text, strict=True)
    except (ExpressionError, ParseError, IndexError, AssertionError):
        return None
    return _expression(node)


def _expression(node: Any) -> Expression | None:
    licensing = known().licensing
    if isinstance(node, (licensing.AND, licensing.OR)):
        parts = tuple(_expression(part) for part in node.args)
        read = tuple(part for part in parts if part is not None)
        if len(read) < len(parts):
            return None
        return AllOf(read) if isinstance(node, licensing.AND) else OneOf(read)
    if hasattr(node, "exception_symbol"):
        licence, exception = _licence(node.license_symbol.key), node.exception_symbol
        if licence is None or not exception.is_exception:
            return None
        return Licence(licence.id, exception.key, licence.is_known)
    return None if node is None else _licence(node.key)


def _licence(name: str) -> Licence | None:
    """The licence of a symbol; None for one that is neither on the list nor a LicenseRef."""
    licences = known().licences
    for written in (name, name.removesuffix("+")):
        if written in licences:
            return Licence(licences[written])
    return Licence(name, is_known=False) if CUSTOM.fullmatch(name) else None
