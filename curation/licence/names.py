"""What people write for a licence, as its SPDX id: `The MIT License`, `CC BY-SA 4.0`, an address of its text."""

from __future__ import annotations

import re
from functools import cache

from curation.licence.spdx import known

# Words that fill the place of a licence without naming one (NOASSERTION and NONE are SPDX's own).
NO_LICENCE = frozenset(
    ("", "-", "?", "n/a", "na", "nan", "noassertion", "none", "null", "other", "tbd", "undefined", "unknown")
)

# Written-out names in the words of SPDX ids. Longer ones first; applied to lower-case words joined by hyphens.
PHRASES = (
    ("gnu-affero-general-public-license", "agpl"),
    ("gnu-lesser-general-public-license", "lgpl"),
    ("gnu-general-public-license", "gpl"),
    ("gnu-free-documentation-license", "gfdl"),
    ("mozilla-public-license", "mpl"),
    ("eclipse-public-license", "epl"),
    ("european-union-public-licence", "eupl"),
    ("community-data-license-agreement", "cdla"),
    ("open-data-commons-attribution", "odc-by"),
    ("open-database-license", "odbl"),
    ("boost-software-license", "bsl"),
    ("open-government-licence", "ogl-uk"),
    ("creative-commons", "cc"),
    ("share-alike", "sa"),
    ("sharealike", "sa"),
    ("non-commercial", "nc"),
    ("noncommercial", "nc"),
    ("no-derivatives", "nd"),
    ("noderivatives", "nd"),
    ("noderivs", "nd"),
    ("attribution", "by"),
    ("gnu-", ""),
    ("cc-0", "cc0"),
    ("cc-zero", "cc0"),
)
# Words that say nothing about which licence it is.
FILLERS = frozenset(
    ("the", "license", "licence", "licensed", "under", "version", "v", "v.", "international", "unported", "universal",
     "generic", "deed", "software", "public-domain-dedication")
)  # fmt: skip

# Names that are no SPDX id even so. A name without its version stays unread where there are several versions.
NAMES = {
    "apache-2": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache2.0": "Apache-2.0",
    "asl-2.0": "Apache-2.0",
    "expat": "MIT",
    "mit-expat": "MIT",
    "2-clause-bsd": "BSD-2-Clause",
    "bsd-2": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause",
    "simplified-bsd": "BSD-2-Clause",
    "3-clause-bsd": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "modified-bsd": "BSD-3-Clause",
    "new-bsd": "BSD-3-Clause",
    "revised-bsd": "BSD-3-Clause",
    "cc0": "CC0-1.0",
    "cc0-1": "CC0-1.0",
    "cc0-1.0-public-domain-dedication": "CC0-1.0",
    "cc0-public-domain-dedication": "CC0-1.0",
    "odc-by": "ODC-By-1.0",
    "odbl": "ODbL-1.0",
    "pddl": "PDDL-1.0",
    "ogl-3.0": "OGL-UK-3.0",
    "ogl-uk-3": "OGL-UK-3.0",
    "gpl-2": "GPL-2.0-only",
    "gpl2": "GPL-2.0-only",
    "gplv2": "GPL-2.0-only",
    "gpl-2-or-later": "GPL-2.0-or-later",
    "gpl-3-or-later": "GPL-3.0-or-later",
    "gpl-3": "GPL-3.0-only",
    "gpl3": "GPL-3.0-only",
    "gplv3": "GPL-3.0-only",
    "lgpl-3": "LGPL-3.0-only",
    "lgplv3": "LGPL-3.0-only",
    "agpl-3": "AGPL-3.0-only",
    "agplv3": "AGPL-3.0-only",
    "mpl-2": "MPL-2.0",
    "boost-1.0": "BSL-1.0",
    "eupl-1.2": "EUPL-1.2",
    # Not a licence but a claim, true in some countries: allowed where `licence.allow` says so.
    "public-domain": "LicenseRef-public-domain",
}

# The addresses of licence texts (without scheme, `www.` and the end `/`, in lower case) -> what stands there.
ADDRESSES = (
    (r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/(?:deed|legalcode)\S*)?", r"cc-\1-\2"),
    (
        r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)/([a-z]{2,3})(?:/(?:deed|legalcode)\S*)?",
        r"cc-\1-\2-\3",
    ),
    (r"creativecommons\.org/publicdomain/zero/1\.0(?:/(?:deed|legalcode)\S*)?", "cc0-1.0"),
    (r"creativecommons\.org/publicdomain/mark/1\.0(?:/deed\S*)?", "cc-pdm-1.0"),
    (r"opendatacommons\.org/licenses/by/1-0", "odc-by-1.0"),
    (r"opendatacommons\.org/licenses/(odbl|pddl)/1-0", r"\1-1.0"),
    (r"apache\.org/licenses/license-2\.0(?:\.txt|\.html)?", "apache-2.0"),
    (
        r"(?:spdx\.org/licenses|opensource\.org/licenses?|gnu\.org/licenses)/([a-z0-9.-]+?)(?:\.html|\.txt)?",
        r"\1",
    ),
)


def spdx_id(text: str) -> str | None:
    """The SPDX id (or LicenseRef) that `text` as a whole stands for; None where it is none, or could be several."""
    text = _address(text) or text
    outer = re.fullmatch(r"([^()]+)\(([^()]+)\)\s*", text)
    if outer:  # `The MIT License (MIT)`
        first, second = (_by_key(key(part)) for part in outer.groups())
        return first if first == second else None
    return _by_key(key(text))


def key(text: str) -> str:
    """`text` in lower case, words joined by hyphens, without words that say nothing."""
    joined = "-".join(word for word in re.split(r"[\s_,\"'()-]+", text.casefold()) if word)
    for phrase, short in PHRASES:
        joined = joined.replace(phrase, short)
    words = [re.sub(r"^v\.?(?=\d)", "", word) for word in joined.split("-")]
    return "-".join(word for word in words if word and word not in FILLERS)


def versioned(text: str) -> str | None:
    """The highest version of the licence that `text` names without one: `CC BY` -> `CC-BY-4.0`."""
    return _highest().get(key(text))


def _address(text: str) -> str | None:
    bare = re.sub(r"^(?:https?://)?(?:www\.)?|/$", "", text.strip().casefold())
    for pattern, name in ADDRESSES:
        match = re.fullmatch(pattern, bare)
        if match:
            return match.expand(name)
    return None


def _by_key(name: str) -> str | None:
    # Creative Commons' own titles leave the `CC` out: `Attribution 4.0 International`.
    full = f"cc-{name}" if name.startswith("by-") else name
    return NAMES.get(full) or _ids().get(full)


@cache
def _ids() -> dict[str, str]:
    """Each SPDX licence (not exception) by its key; what two licences share is nobody's."""
    found: dict[str, set[str]] = {}
    for written, licence in known().licences.items():
        found.setdefault(key(written), set()).add(licence)
    return {name: ids.pop() for name, ids in found.items() if len(ids) == 1}


@cache
def _highest() -> dict[str, str]:
    """The id with the highest version of each key without its version."""
    found = (re.fullmatch(r"(.+?)-\d[\d.]*", name) for name in sorted(_ids()))
    return {match[1]: _ids()[match[0]] for match in found if match}
