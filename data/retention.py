"""How long originals may stay: a period that the store keeps, and the warning when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from data.report.wording import counted
from data.scrubbed import scrubbed
from data.store import Store

SETTING = "retention_days"


@dataclass(frozen=True, slots=True)
class Overdue:
    """Originals that have been in the store for `age` days, where `days` are allowed; `versions` hold them."""

    days: int
    age: int
    versions: list[str]

    def __str__(self) -> str:
        names = ", ".join(self.versions[:3]) + (" ..." if len(self.versions) > 3 else "")
        return (
            f"originals are in the store for {counted(self.age, 'day')}, {self.days} allowed (retention.days): "
            f"{names}. Delete them: python -m data purge --yes"
        )


def set_days(store: Store, days: int | None) -> None:
    """Keep the period, in days; 0 for no limit. None leaves it as it is."""
    if days is not None and store.setting(SETTING) != str(days):
        store.set_setting(SETTING, str(days))


def days_allowed(store: Store) -> int:
    """The period in days; 0 where none is set."""
    return int(store.setting(SETTING) or 0)


def holding_originals(store: Store) -> list[str]:
    """The versions before scrubbing that still hold a text which no scrubbed version has; oldest first."""
    versions = store.versions()
    before = [v.version for v in versions if not scrubbed(store.lineage(v.version))]
    found = store.query(
        """SELECT DISTINCT version FROM members WHERE list_contains($1, version) AND NOT contains(text_hash, '-')
        AND text_hash NOT IN (SELECT text_hash FROM members WHERE NOT list_contains($1, version))""",
        [before],
    )["version"].to_list()
    return [name for name in before if name in set(found)]


def overdue(store: Store, *, now: datetime | None = None) -> Overdue | None:
    """What is in the store for longer than it may be; None where no period is set, or nothing is."""
    days = days_allowed(store)
    moment = (now or datetime.now(UTC)).replace(tzinfo=None)
    ages = {v.version: (moment - v.created).days for v in store.versions()}
    if not days or max(ages.values(), default=0) < days:
        return None
    old = [version for version in holding_originals(store) if ages[version] >= days]
    return Overdue(days, max(ages[version] for version in old), old) if old else None
