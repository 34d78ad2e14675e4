"""What a training reads from the store: the rows of train and validation, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.records import Records
from data.runs import Run
from data.scrubbed import scrubbed
from train import processes
from train.card import Provenance
from train.config import TrainConfig
from train.findings import Finding
from train.keeping import AT_START, reading
from train.preflight import check_rows, check_scrubbed
from train.preflight_data import check_data
from train.preflight_rows import slices_of
from train.rows import rows_of


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Rows and lineage, read before the store is closed again: a training must not hold its lock.

    membership          digest of the version's records and their texts
    train, validation   frames of train.rows.COLUMNS
    part                which rows of the version these are, where they are not its train and validation split
    findings            what the checks of the records found
    slices              column -> record id -> value, of the training rows: by which truncation is looked at
    history             earlier runs, oldest first: what forecasts learn from
    """

    version: str
    train: Any
    validation: Any
    provenance: Provenance
    membership: str = ""
    part: str = ""
    findings: Sequence[Finding] = ()
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    history: Sequence[Run] = ()


def gather(config: TrainConfig, *, patience: float = AT_START) -> Ingredients:
    """Read rows and lineage, and make the checks that need no model. The test split is never read.

    Waits up to `patience` seconds for a store that another command writes to, and says so; then raises StoreInUse.
    """
    with reading(config.store.path, processes.console(), patience=patience) as store:
        version = store.resolve(config.version)
        lineage = store.lineage(version)
        # A pii stage that only tags (pii.operator=tag) has left everything where it was.
        passed = [v.stage for v in lineage if v.stage != "pii" or scrubbed([v])]
        check_scrubbed(version, passed, config.allow_unscrubbed)
        records: Records = store.read(version)
        counts = dict(records.frame("split").group_by("split").len().sort("split").collect().iter_rows())
        check_rows(version, counts)
        chain = [v.version for v in lineage]
        removed = store.query(
            """SELECT v.stage, d.reason, count(*) AS records FROM verdicts d JOIN versions v USING (version)
            WHERE d.action = 'drop' AND list_contains($1, d.version) GROUP BY ALL ORDER BY ALL""",
            [chain],
        )
        licences = (
            records.frame("split", "licence")
            .filter(split="train")
            .group_by("licence")
            .len()
            .sort("licence")
            .collect()
        )
        provenance = Provenance(lineage, list(removed.iter_rows()), dict(licences.iter_rows()))
        train_rows = rows_of(records, "train", config.train_rows)
        return Ingredients(
            version,
            train_rows,
            rows_of(records, "validation", config.validation_rows),
            provenance,
            lineage[-1].digest,
            findings=check_data(store, version, lineage, config.against),
            slices=slices_of(records),
            history=store.runs(),
        )
