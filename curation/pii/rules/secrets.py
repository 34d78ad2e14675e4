"""Keys and tokens by the forms that detect-secrets knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from curation.pii.finding import Finding

# Not among them: keywords, entropy and Artifactory's (alarms in prose; `extras` finds values behind a key word), public
# addresses, and passwords in an address, of which more than the password would be found.
_LEFT_OUT = ("artifactory", "ip_public", "keyword", "high_entropy_strings", "base", "basic_auth")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]{1,64}:(?P<it>[^/\s:@]{3,64})@")


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    import importlib
    import pkgutil

    from detect_secrets import plugins
    from detect_secrets.plugins.base import RegexBasedDetector

    found: list[re.Pattern[str]] = []
    for module in pkgutil.iter_modules(plugins.__path__):
        if module.name in _LEFT_OUT:
            continue
        members = vars(importlib.import_module(f"{plugins.__name__}.{module.name}")).values()
        for kind in members:
            if (
                isinstance(kind, type)
                and issubclass(kind, RegexBasedDetector)
                and kind is not RegexBasedDetector
            ):
                denylist: object = vars(kind).get("denylist")
                found += list(denylist) if isinstance(denylist, list | tuple) else []
    return tuple(found)


def find(text: str) -> Iterator[Finding]:
    """Keys and tokens of known makers, and passwords inside addresses."""
    for pattern in _patterns():
        for match in pattern.finditer(text):
            start, end = match.span()
            if end - start >= 8:
                yield Finding("SECRET", start, end, 0.9)
    if "://" in text:
        for match in _PASSWORD_IN_URL.finditer(text):
            yield Finding("SECRET", *match.span("it"), 0.9)
