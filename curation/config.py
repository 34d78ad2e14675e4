"""The configuration of `python -m curation`."""

from __future__ import annotations

from dataclasses import dataclass, field

from conf.app import StoreConfig
from curation.balance.config import BalanceConfig
from curation.decontaminate.config import DecontaminateConfig
from curation.dedup.config import DedupConfig
from curation.exact import ExactConfig
from curation.licence.config import LicenceConfig
from curation.outliers.config import OutliersConfig
from curation.pii.config import PiiConfig
from curation.quality.config import QualityConfig
from curation.split.config import SplitConfig
from curation.stages import STAGES
from data.errors import ConfigError, closest
from data.load.config import SourceConfig


@dataclass(kw_only=True, slots=True)
class CurationConfig:
    """Everything about a curation.

    store         where versions are kept
    source        the raw data
    stages        which stages run, in this order
    exact ... split   one configuration a stage; a stage is switched off by its choice `off` (`pii=off`)
    dry_run       show what each stage would do, with samples (personal data hidden), and write nothing
    samples       samples a reason that a dry run shows
    min_examples  fewer examples of a task than this are warned about
    planted       a file that lists planted problems (`data/samples/planted.jsonl`): after the last stage, the share
                  found is reported; no stage reads it
    tag           a name for the last version
    undo          bring this record (an id or its beginning) back into the newest version; nothing else is done
    because       why, for the record's story
    keep_undo     bring back again what an earlier undo brought back and a stage removes again
    rethreshold   `dedup`: apply dedup.threshold to the stored scores of the newest version; nothing else is done
    border        `dedup`: show the pairs nearest the threshold, side by side; nothing is written
    rows          how many pairs `border` shows
    out           folder for reject files
    """

    store: StoreConfig = field(default_factory=StoreConfig)
    source: SourceConfig = field(default_factory=SourceConfig)
    stages: list[str] = field(default_factory=lambda: list(STAGES))
    exact: ExactConfig = field(default_factory=ExactConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    licence: LicenceConfig = field(default_factory=LicenceConfig)
    dedup: DedupConfig = field(default_factory=DedupConfig)
    outliers: OutliersConfig = field(default_factory=OutliersConfig)
    decontaminate: DecontaminateConfig = field(default_factory=DecontaminateConfig)
    pii: PiiConfig = field(default_factory=PiiConfig)
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    dry_run: bool = False
    samples: int = 2
    min_examples: int = 500
    planted: str = ""
    tag: str = ""
    undo: str = ""
    because: str = ""
    keep_undo: bool = True
    rethreshold: str = ""
    border: str = ""
    rows: int = 10
    out: str = "runs/curation"

    def __post_init__(self) -> None:
        for name in self.stages:
            if name not in STAGES:
                raise ConfigError(f"stages=[{name}]: no such stage", closest(name, STAGES))
        for key in ("rethreshold", "border"):
            if getattr(self, key) not in ("", "dedup"):
                raise ConfigError(
                    f"{key}={getattr(self, key)}: that stage stores no scores of pairs", "allowed: dedup"
                )
        if len(set(self.stages)) < len(self.stages):
            raise ConfigError(f"stages=[{','.join(self.stages)}]: a stage stands there twice")
