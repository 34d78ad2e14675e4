"""What a check is given: the version, its lineage, the policy, and short ways to ask and to answer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Self

import polars as pl

from audit.config import AuditConfig, PolicyConfig
from audit.groups import group_columns, quoted
from data.errors import StoreError
from data.facts import Fact, Outcome
from data.records import Records
from data.store import Store
from data.versions import Version

EXACT = "complete count"


# Texts that Hydra reads as texts without quotes: no number, no true, no null.
PLAIN_TEXT = re.compile(
    r"(?!(?:true|false|null|inf|nan|yes|no|on|off)$)(?:[A-Za-z_/]|\.{1,2}/)[\w./-]*", re.IGNORECASE
)
# Keys that say what to do with the result, and not what is measured.
NOT_MEASURED = ("version", "check", "checks", "out", "fail_on")


def _changed(prefix: str, config: Any, default: Any) -> Iterator[str]:
    """`key=value` for every field of the dataclass that differs from the default one."""
    for field_ in fields(config):
        value, usual = getattr(config, field_.name), getattr(default, field_.name)
        if field_.name in NOT_MEASURED or value == usual:
            continue
        if is_dataclass(value):
            yield from _changed(f"{prefix}{field_.name}.", value, usual)
        else:
            yield f"{prefix}{field_.name}={_written(value)}"


def _written(value: Any) -> str:
    """A value in Hydra's override grammar; texts are quoted where it needs it."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(key)}:{_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item) for item in value) + "]"
    if isinstance(value, str) and not PLAIN_TEXT.fullmatch(value):
        return '"' + value.replace('"', '\\"') + '"'
    return str(value)


@dataclass(slots=True)
class Context:
    """One audit under way.

    groups   the group columns in use, see `audit.groups`
    splits   rows of each split of the version; the key is None where no split was made
    """

    store: Store
    config: AuditConfig
    version: Version
    lineage: list[Version]
    groups: list[str]
    splits: dict[str | None, int]
    _frames: dict[tuple[str, ...], pl.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store, config: AuditConfig) -> Self:
        """The context for `config.version`. Raises StoreError where there is no such version."""
        version = store.version(config.version)
        if version.rows == 0:
            raise StoreError(
                f"{version.version} ({version.stage}) has no rows: there is nothing to audit",
                "choose another: python -m data versions   then   python -m audit version=...",
            )
        lineage = store.lineage(version.version)
        rows = store.query(
            "SELECT split, count(*) AS rows FROM members WHERE version = ? GROUP BY split ORDER BY split",
            [version.version],
        )
        columns = group_columns(store, version, lineage, config)
        return cls(store, config, version, lineage, columns, dict(rows.iter_rows()))

    @property
    def policy(self) -> PolicyConfig:
        """The thresholds."""
        return self.config.policy

    @property
    def records(self) -> Records:
        """The records of the version."""
        return self.store.read(self.version.version)

    @property
    def id_sql(self) -> str:
        """The version's id as an SQL literal, for evidence that can be pasted."""
        return quoted(self.version.version)

    @property
    def training_sql(self) -> str:
        """SQL condition on `members m` for the rows that a training would see: the train split where there is one."""
        return "m.split = 'train'" if "train" in self.splits else "true"

    @property
    def training_words(self) -> str:
        """What `training_sql` selects, in words."""
        return "rows of the train split" if "train" in self.splits else "rows"

    def frame(self, *columns: str) -> pl.DataFrame:
        """These columns of all records, ordered by record_id."""
        if columns not in self._frames:
            self._frames[columns] = self.records.frame(*columns).collect()
        return self._frames[columns]

    def stage(self, name: str) -> Version | None:
        """The youngest version in the lineage that the stage `name` made."""
        return next((v for v in reversed(self.lineage) if v.stage == name), None)

    def rerun(self, check: str) -> str:
        """The command that measures `check` again: the evidence where SQL cannot do it."""
        return " ".join(["python -m audit", *self.overrides(), f"check={check}"])

    def overrides(self) -> list[str]:
        """The configuration as the command line would give it: the version, and every value that is not a default."""
        changed = [f"version={self.version.version}", *_changed("", self.config, AuditConfig())]
        return [text if re.fullmatch(r"[\w=.,/:+-]+", text) else shlex.quote(text) for text in changed]

    def number(self, sql: str) -> float:
        """The column `value` of the only row that `sql` gives."""
        return float(self.store.query(sql)["value"].item())

    @property
    def lineage_sql(self) -> str:
        """`up(version, parent)`: the version and its ancestors, to stand after WITH RECURSIVE."""
        return f"""up(version, parent) AS (SELECT version, parent FROM versions WHERE version = {self.id_sql}
    UNION ALL SELECT v.version, v.parent FROM versions v JOIN up ON v.version = up.parent)"""

    def fact(self, name: str, value: float | None, unit: str, **rest: Any) -> Fact:
        """A fact about the version."""
        return Fact(
            subject=self.version.version, subject_kind="version", name=name, value=value, unit=unit, **rest
        )

    def not_run(self, name: str, why: str, unit: str = "fraction") -> Fact:
        """The fact that `name` was not examined, and why."""
        return self.fact(name, None, unit, outcome=Outcome.NOT_RUN.value, detail={"says": why})
