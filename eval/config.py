"""What `python -m eval` can be told. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field

from conf.app import StoreConfig
from data.errors import ConfigError, closest
from data.records import SPLITS

DEFAULT_METRICS = (
    "bleu",
    "chrf",
    "rouge_1",
    "rouge_2",
    "rouge_l",
    "exact_match",
    "token_f1",
    "perplexity",
)


@dataclass(kw_only=True, slots=True)
class GenerationConfig:
    """How answers are written.

    max_new_tokens  longest answer in tokens, 1 to 8192
    batch_size      prompts answered at once, 1 to 1024; memory grows with it, answers do not change
    temperature     0 (greedy: the same answers every time) to 2
    seed            of sampling, where temperature is above 0
    """

    max_new_tokens: int = 128
    batch_size: int = 16
    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _within("generation.max_new_tokens", self.max_new_tokens, 1, 8192)
        _within("generation.batch_size", self.batch_size, 1, 1024)
        _within("generation.temperature", self.temperature, 0, 2)


@dataclass(kw_only=True, slots=True)
class BootstrapConfig:
    """How often items are drawn again.

    resamples  draws, 200 to 100000; p cannot be smaller than 2 / (resamples + 1)
    seed       of the draws; the same seed draws the same items for every metric and role
    level      of the intervals, 0.5 to 0.999
    """

    resamples: int = 2000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        _within("bootstrap.resamples", self.resamples, 200, 100_000)
        _within("bootstrap.level", self.level, 0.5, 0.999)


@dataclass(kw_only=True, slots=True)
class SuiteConfig:
    """Tasks of lm-evaluation-harness.

    name        of the suite, for reports; `none` asks nothing
    folder      folder of task YAML files, in the harness's own format; relative to eval/tasks
    tasks       task names in that folder
    data        task -> JSONL file that its documents are read from, or `store` for the evaluated split; a task
                that is not named here loads what its YAML says
    limit       documents a task, 1 or more; null for all
    batch_size  requests at once, 1 to 1024
    chat        wrap each document in the model's chat template
    """

    name: str = "none"
    folder: str = ""
    tasks: list[str] = field(default_factory=list)
    data: dict[str, str] = field(default_factory=dict)
    limit: int | None = None
    batch_size: int = 8
    chat: bool = False

    def __post_init__(self) -> None:
        _positive("suite.limit", self.limit)
        _within("suite.batch_size", self.batch_size, 1, 1024)


@dataclass(kw_only=True, slots=True)
class PredictionsConfig:
    """A JSONL file of answers that somebody else made.

    path        the file; null evaluates a run of the store instead
    prediction  field with the answer
    references  field with the reference, a string or a list of strings
    baseline    field with another system's answer to the same item, where rows have it
    """

    path: str | None = None
    prediction: str = "prediction"
    references: str = "references"
    baseline: str = "baseline"


@dataclass(kw_only=True, slots=True)
class ExtraFile:
    """Further items, from a JSONL file with chat `messages`: the last answer of each is the reference.

    name  of the slice in reports: lower-case letters, digits, `_` and `-`
    path  the file
    """

    name: str
    path: str

    def __post_init__(self) -> None:
        if not self.name or not all(c.islower() or c.isdigit() or c in "_-" for c in self.name):
            raise ConfigError(
                f"extra_files name '{self.name}' is not a slice name",
                "use lower-case letters, digits, _ and -, e.g. extra_files=[{name: unseen, path: FILE.jsonl}]",
            )


@dataclass(kw_only=True, slots=True)
class EvalConfig:
    """One evaluation.

    store         where versions, runs and evaluations are kept
    run           the tuned run: `latest`, an id or its beginning
    version       version that the items come from; null takes the version that the run was trained on
    split         the split that is answered: test, validation or train
    limit         items a slice at most, in order of record id; null for all
    metrics       keys of METRICS (eval/metrics.py)
    generation    how answers are written
    bootstrap     how intervals and p are made
    suite         tasks of lm-evaluation-harness
    predictions   score a file instead of a run
    extra_files   further slices
    copy_nearest  also score the answer of the nearest training prompt, copied
    samples       items of each kind (most gained, most lost, drawn) that the report shows in full, 0 to 50
    out           folder of the report; null for runs/eval/<evaluation id>
    threads       CPU threads of torch; null: its own choice (OMP_NUM_THREADS, else all cores)
    """

    store: StoreConfig = field(default_factory=StoreConfig)
    run: str = "latest"
    version: str | None = None
    split: str = "test"
    limit: int | None = None
    metrics: list[str] = field(default_factory=lambda: list(DEFAULT_METRICS))
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    suite: SuiteConfig = field(default_factory=SuiteConfig)
    predictions: PredictionsConfig = field(default_factory=PredictionsConfig)
    extra_files: list[ExtraFile] = field(default_factory=list)
    copy_nearest: bool = True
    samples: int = 4
    out: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        from eval.metrics import METRICS

        if self.split not in SPLITS:
            raise ConfigError(f"split={self.split} is not a split", closest(self.split, SPLITS))
        for name in self.metrics:
            if name not in METRICS:
                raise ConfigError(f"metrics: no such metric '{name}'", closest(name, METRICS))
        if not self.metrics:
            raise ConfigError("metrics=[] measures nothing", f"allowed: {', '.join(METRICS)}")
        self.metrics = list(dict.fromkeys(self.metrics))
        _positive("limit", self.limit)
        _within("samples", self.samples, 0, 50)
        _positive("threads", self.threads)
        names = [self.split, *(extra.name for extra in self.extra_files)]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"extra_files: two slices are named '{name}'", "give each its own name")


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{key}={value} is outside {low:g} to {high:g}")


def _positive(key: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ConfigError(f"{key}={value} is below 1", f"leave it out or set {key}=null for all")
