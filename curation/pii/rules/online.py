"""E-mail addresses spelled out, web addresses; `is_web_address` tells those from file and module names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.pii.finding import Finding
from curation.pii.wordlists import words_of

_AT = r"(?:\s*[(\[{<]\s*at\s*[)\]}>]\s*|\s+at\s+|\s*@\s*)"
_DOT = r"(?:\s*[(\[{<]\s*dot\s*[)\]}>]\s*|\s+dot\s+)"
_SPELLED = re.compile(
    rf"\b[a-z0-9][\w+-]*(?:(?:{_DOT}|\.|\s+underscore\s+)[\w+-]+)*{_AT}[a-z0-9][\w-]*(?:{_DOT}[\w-]+)*{_DOT}[a-z]{{2,12}}\b",
    re.IGNORECASE,
)
# "the name at the dot in the middle": words that no address ends with.
_NO_DOMAIN = words_of("in is the on of at and or to a an it as be by for with from")
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w][\w.+%'-]{0,63}@[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)+"
)
_WEB = re.compile(
    r"\b(?:https?|ftp)://[^\s<>\"'()\[\]{}]+|\bwww\.[^\W_][\w-]*\.[^\s<>\"'()\[\]{}]+", re.IGNORECASE
)
_SIGNS_AT_END = ".,;:!?*_"
# Endings of host names that are no endings of files and no usual names of attributes (`self.name`, `x.id`, `run.sh`).
_HOST_ENDINGS = words_of(
    "com org net edu gov mil int biz co uk de fr es pt nl se dk fi cz sk hu ro bg gr tr ru ua ch au nz jp kr cn tw hk"
    " sg br mx ar cl pe ca us eu ie za il ae app dev online shop site store blog news cloud"
)
_HOST = re.compile(r"(?:[^\W_][\w-]*\.)+([a-z]{2,24})(?::\d{2,5})?(?:/\S*)?", re.IGNORECASE)


def find(text: str) -> Iterator[Finding]:
    """E-mail addresses, spelled out or not, and web addresses with http:// or www."""
    low = text.lower()
    if "dot" in low:
        for match in _SPELLED.finditer(text):
            if match.group().split()[-1].lower().strip("()[]{}<>") not in _NO_DOMAIN:
                yield Finding("EMAIL_ADDRESS", *match.span(), 0.7)
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Finding("EMAIL_ADDRESS", *match.span(), 0.9)
    if "://" in text or "www." in low:
        for match in _WEB.finditer(text):
            value = match.group().rstrip(_SIGNS_AT_END)
            yield Finding("URL", match.start(), match.start() + len(value), 0.8)


def is_web_address(value: str, before: str, after: str) -> bool:
    """Whether `value`, with the characters around it, is an address and not a file, a module or an attribute."""
    if "://" in value or value.lower().startswith("www."):
        return True
    match = _HOST.fullmatch(value)
    if (
        match is None
        or before[-1:] in ("_", ".", "/", "\\", "$", "'", '"')
        or after[:1] in ("(", "[", "_", "=")
    ):
        return False
    return match.group(1).lower() in _HOST_ENDINGS and value == value.strip("._")
