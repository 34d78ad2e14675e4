"""The stages, in the order in which they usually run. A literal table: what stands here is what exists."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from curation.grown import Grown
from data.facts import Fact
from data.records import Records
from data.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: the package `curation.<name>`, which offers `judge`, `REASONS` and its configuration.

    row_wise   judges each record by itself, so that what it said of a text is said for good
    meaning    one line for people
    """

    name: str
    row_wise: bool
    meaning: str

    @property
    def judge(self) -> Callable[[Records, Any], Verdicts]:
        """(Records, StageConfig) -> Verdicts; imported on first use, since detectors are heavy."""
        function: Callable[[Records, Any], Verdicts] = self._module().judge
        return function

    @property
    def reasons(self) -> dict[str, str]:
        """Each reason that the stage gives, with its meaning in a sentence."""
        reasons: dict[str, str] = self._module().REASONS
        return reasons

    @property
    def code(self) -> str:
        """Digest of the stage's source files: other code, other version."""
        return code_digest(Path(__file__).parent / self.name)

    def code_with(self, config: Any) -> str:
        """`code`, and a digest of the files that the stage reads beside the records: other items, other version.

        Raises UserError where such a file cannot be read.
        """
        fingerprint = getattr(self._module(), "fingerprint", None)
        found = fingerprint(config) if fingerprint else ""
        return f"{self.code}+{found}" if found else self.code

    @property
    def sketches(self) -> ModuleType | None:
        """The module, where it offers `sketch_columns`, `sketch_kind` and `sketch_batch`.

        What `sketch_batch(frame of sketch_columns, config)` makes of a text is stored, and no text is sketched twice.
        """
        module = self._module()
        return module if hasattr(module, "sketch_batch") else None

    def sketch_kind(self, config: Any) -> str:
        """The name under which the store keeps the stage's sketches: stage, code, and what they depend on."""
        return f"{self.name}:{self.code}:{self._module().sketch_kind(config)}"

    @property
    def extend(self) -> Callable[[Grown, Any], tuple[Verdicts, pl.Series] | None] | None:
        """(grown, config) -> verdicts on new records and on some old ones, and the ids of these: see `Grown`.

        For stages that need not judge all records again where records were added; None where they must after all.
        """
        function: Callable[[Grown, Any], tuple[Verdicts, pl.Series] | None] | None = getattr(
            self._module(), "extend", None
        )
        return function

    @property
    def warm_up(self) -> Callable[[], None] | None:
        """Loads compiled code and models before they are needed (curation/warm.py), for stages that take long to."""
        function: Callable[[], None] | None = getattr(self._module(), "warm_up", None)
        return function

    @property
    def keep_originals(self) -> Callable[[Verdicts, Any], None] | None:
        """(verdicts, config): writes what a stage keeps outside the store, before its version is made."""
        function: Callable[[Verdicts, Any], None] | None = getattr(self._module(), "keep_originals", None)
        return function

    @property
    def measure(self) -> Callable[[Records, Records, Any], list[Fact]] | None:
        """(before, after, config) -> facts, for stages that measure themselves."""
        function: Callable[[Records, Records, Any], list[Fact]] | None = getattr(
            self._module(), "measure", None
        )
        return function

    @property
    def measure_grown(
        self,
    ) -> Callable[..., list[Fact] | None] | None:
        """(after, earlier, new, facts, left, config) -> facts as `measure` gives them; None: it must measure.

        For stages that need not measure all of `after` again, where `earlier` and `new` together are the whole of it.
        `facts` are those of `earlier`, `left` is what `extend` left (see `Grown`).
        """
        function: Callable[..., list[Fact] | None] | None = getattr(self._module(), "measure_grown", None)
        return function

    def is_on(self, config: Any) -> bool:
        """Whether the configuration lets the stage run."""
        return bool(getattr(config, "enabled", True)) and str(getattr(config, "method", "")) != "off"

    def _module(self) -> Any:
        return import_module(f"curation.{self.name}")


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("exact", False, "equal records"),
        Stage("quality", True, "unusable records"),
        Stage("licence", True, "licences that do not fit"),
        Stage("dedup", False, "near-duplicates"),
        Stage("outliers", False, "unlike the others of their task"),
        Stage("decontaminate", True, "evaluation items"),
        Stage("pii", True, "personal data"),
        Stage("balance", False, "too much of one kind"),
        Stage("split", False, "train, validation, test"),
    )
}


@cache
def code_digest(folder: Path) -> str:
    """12 hex digits over the Python files of a folder (or over one file), by name and content."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")) or [folder]:
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]
