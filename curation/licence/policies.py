"""The named policies: which SPDX licences each allows, and why. A starting point for a lawyer, not legal advice.

Training copies, adapts and (as a data set or a model that repeats its texts) may distribute what a licence covers;
a licence is listed if it grants all of that. Left out of `permissive` and `commercial` on purpose:

    CC-BY-NC-*, C-UDA-1.0, LAL-*      non-commercial or computational use only, or terms for works of art
    CC-BY-ND-*, CC-BY-NC-ND-*         no adaptations: a scrubbed or cut record is one
    OpenRAIL, Llama, Gemma            restrictions on use that have to be passed on: read them, then `licence.allow`
    JSON                              "for Good, not Evil" is a restriction of use
"""

from __future__ import annotations

from curation.licence.config import Policy

# All rights waived or expired, or nothing asked for in return.
PUBLIC_DOMAIN = (
    "0BSD", "CC-PDDC", "CC-PDM-1.0", "CC0-1.0", "DL-DE-ZERO-2.0", "MIT-0", "NIST-PD", "PDDL-1.0", "Unlicense", "WTFPL",
)  # fmt: skip

# A notice (author, licence text, changes made) has to be kept; the version's lineage and licence column are one.
NOTICE = (
    "AFL-3.0", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "BlueOak-1.0.0",
    "CC-BY-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-2.5-AU", "CC-BY-3.0", "CC-BY-3.0-AT", "CC-BY-3.0-AU",
    "CC-BY-3.0-DE", "CC-BY-3.0-IGO", "CC-BY-3.0-NL", "CC-BY-3.0-US", "CC-BY-4.0",
    "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "DL-DE-BY-2.0", "ISC", "MIT", "NCSA", "NLOD-1.0", "NLOD-2.0",
    "ODC-By-1.0", "OGL-Canada-2.0", "OGL-UK-1.0", "OGL-UK-2.0", "OGL-UK-3.0", "PSF-2.0", "PostgreSQL", "Python-2.0",
    "UPL-1.0", "X11", "Zlib", "etalab-2.0",
)  # fmt: skip

# What is adapted from it must carry the same terms. Whether a model's weights are such an adaptation is not settled:
# commercial use is allowed either way, but what is passed on may have to be passed on under these terms.
SAME_TERMS = (
    "AGPL-3.0-only", "AGPL-3.0-or-later",
    "CC-BY-SA-1.0", "CC-BY-SA-2.0", "CC-BY-SA-2.0-UK", "CC-BY-SA-2.1-JP", "CC-BY-SA-2.5", "CC-BY-SA-3.0",
    "CC-BY-SA-3.0-AT", "CC-BY-SA-3.0-DE", "CC-BY-SA-3.0-IGO", "CC-BY-SA-4.0",
    "CDLA-Sharing-1.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2",
    "GFDL-1.1-only", "GFDL-1.1-or-later", "GFDL-1.2-only", "GFDL-1.2-or-later", "GFDL-1.3-only", "GFDL-1.3-or-later",
    "GPL-1.0-or-later",
    "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later",
    "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-1.1", "MPL-2.0", "ODbL-1.0",
)  # fmt: skip

# None: whatever can be read.
POLICIES: dict[Policy, frozenset[str] | None] = {
    Policy.permissive: frozenset(PUBLIC_DOMAIN + NOTICE),
    Policy.commercial: frozenset(PUBLIC_DOMAIN + NOTICE + SAME_TERMS),
    Policy.any: None,
    Policy.listed: frozenset(),
}
