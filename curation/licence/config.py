"""Which licences a record may have, and what becomes of one that states none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from data.errors import ConfigError, closest


class Policy(StrEnum):
    """A named list of licences; which they are, and why, stands in policies.py.

    permissive   at most a notice is asked for
    commercial   permissive, and licences that ask for the same terms again; commercial use is never forbidden
    any          every licence that can be read
    listed       none but those in `licence.allow`
    """

    permissive = "permissive"
    commercial = "commercial"
    any = "any"
    listed = "listed"


class Doubt(StrEnum):
    """What becomes of a record of which nobody can say whether its licence fits: noted, or left out."""

    tag = "tag"
    drop = "drop"


@dataclass(kw_only=True, slots=True)
class LicenceConfig:
    """Settings of the licence stage.

    enabled   whether the stage runs
    policy    the licences that are allowed to begin with; see `Policy`
    allow     licences allowed besides, as SPDX ids (`GPL-3.0-only`), an id with its exception
              (`GPL-2.0-only WITH Classpath-exception-2.0`), a usual name (`CC BY 4.0`), or a name of one's own
              (`LicenseRef-contract-17`)
    deny      licences never allowed, written in the same way; wins over policy and allow
    missing   tag or drop: a record that states no licence
    unknown   tag or drop: a record whose licence cannot be read
    """

    enabled: bool = False
    policy: Policy = Policy.commercial
    allow: list[str] = field(default_factory=list)
    deny: list[str] = field(default_factory=list)
    missing: Doubt = Doubt.tag
    unknown: Doubt = Doubt.tag

    def __post_init__(self) -> None:
        if self.policy not in list(Policy):
            raise ConfigError(
                f"licence.policy={self.policy} is unknown", closest(str(self.policy), list(Policy))
            )
        self.policy = Policy(self.policy)
        for key in ("missing", "unknown"):
            given = getattr(self, key)
            if given not in list(Doubt):
                raise ConfigError(f"licence.{key}={given} is unknown", closest(str(given), list(Doubt)))
            setattr(self, key, Doubt(given))
        if not self.enabled:
            return
        if self.policy is Policy.listed and not self.allow:
            raise ConfigError(
                "licence.policy=listed allows nothing, since licence.allow is empty",
                "name the licences: 'licence.allow=[CC0-1.0,CC-BY-4.0]'",
                f"or take another policy: {', '.join(p for p in Policy if p is not Policy.listed)}",
            )
        if self.allow or self.deny:
            from curation.licence.rules import rules_of

            rules_of(self)  # an entry that cannot be read is said before anything runs
