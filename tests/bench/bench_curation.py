"""The whole of `python -m curation` without personal data, by size: wall and CPU seconds, memory, re-run, new rows.

    python tests/bench/bench_curation.py                               # 10,000, 100,000 and 1,000,000 records
    python tests/bench/bench_curation.py --sizes 10000,30000 --chart cost.svg

Records are prompts and answers of about 550 characters (tests/bench/corpus.py), a third of them edits of another. Each
run is a process of its own, and its figures are those of the process and its children, from start to end. Three runs a
size: from nothing; the same again (everything is reused); and with one percent new rows in a second file of the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from data.report.charts import line  # noqa: E402
from data.store import Store  # noqa: E402
from tests.bench.corpus import corpus  # noqa: E402

SEED = 20_261
PROMPT_WORDS = 12


def write(texts: Sequence[str], path: Path) -> None:
    """One record a text: its first words are the prompt, the rest is the answer."""
    with path.open("w", encoding="utf-8") as file:
        for text in texts:
            words = re.split(r"(\s+)", text)
            prompt, answer = "".join(words[: 2 * PROMPT_WORDS]), "".join(words[2 * PROMPT_WORDS :])
            file.write(
                json.dumps({"prompt": prompt or "Say:", "completion": answer.strip() or "Yes."}) + "\n"
            )


def curate(folder: Path, store: Path, out: Path) -> dict[str, Any]:
    """One run of the command: seconds, CPU seconds, peak resident memory."""
    command = [
        sys.executable, "-m", "curation", f"source.path={folder}", f"store.path={store}", "source.licence=MIT",
        "pii=off", f"out={out}",
    ]  # fmt: skip
    started = time.perf_counter()
    process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(said)
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_gb": usage.ru_maxrss * 1024 / 1e9,
        "stages": stages(store),
    }


def stages(path: Path) -> dict[str, float]:
    """Seconds of each stage of the latest version, as the store has them."""
    with Store.open(path, read_only=True) as store:
        return {step.stage: round(step.seconds, 2) for step in store.lineage("latest")}


def measure(size: int, data: Path) -> dict[str, Any]:
    """The three runs for `size` records."""
    texts = corpus(size + size // 100, data, random.Random(SEED))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        write(texts[:size], folder / "raw" / "a.jsonl")
        given = (folder / "raw", folder / "store.duckdb", folder / "out")
        found: dict[str, Any] = {"rows": size, "mb": (folder / "raw" / "a.jsonl").stat().st_size / 1e6}
        found["first"] = curate(*given)
        found["again"] = curate(*given)
        write(texts[size:], folder / "raw" / "b.jsonl")
        found["added"] = curate(*given)
        found["store_mb"] = (folder / "store.duckdb").stat().st_size / 1e6
    return found


def show(results: Sequence[dict[str, Any]], console: Console) -> None:
    """One table of cost by size, one of the stages of the largest."""
    table = Table(title="python -m curation pii=off", title_justify="left")
    for head in (
        "rows",
        "MB",
        "wall s",
        "CPU s",
        "rows/CPU s",
        "peak GB",
        "again s",
        "+1 % s",
        "+1 % of full",
        "of its CPU",
    ):
        table.add_column(head, justify="right")
    for r in results:
        first, added = r["first"], r["added"]
        table.add_row(
            f"{r['rows']:,}", f"{r['mb']:.0f}", f"{first['wall']:.1f}", f"{first['cpu']:.1f}",
            f"{r['rows'] / first['cpu']:,.0f}", f"{first['peak_gb']:.2f}", f"{r['again']['wall']:.1f}",
            f"{added['wall']:.1f}", f"{added['wall'] / first['wall']:.0%}", f"{added['cpu'] / first['cpu']:.0%}",
        )  # fmt: skip
    console.print(table)
    largest = results[-1]
    each = Table(title=f"seconds a stage, {largest['rows']:,} rows", title_justify="left")
    for head in ("stage", "full", "+1 %"):
        each.add_column(head, justify="left" if head == "stage" else "right")
    for stage, seconds in largest["first"]["stages"].items():
        each.add_row(stage, f"{seconds:.1f}", f"{largest['added']['stages'].get(stage, 0):.1f}")
    console.print(each)


def chart(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Wall seconds by rows, as SVG."""
    names = {"first": "from nothing", "added": "1 % new rows", "again": "unchanged"}
    rows = [
        {"x": r["rows"], "y": r[key]["wall"], "series": name} for r in results for key, name in names.items()
    ]
    picture = line(rows, x_title="records", y_title="wall seconds")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def main() -> None:
    """Measure each size, print the tables, write the JSON and, if asked for, the chart."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sizes", default="10000,100000,1000000", help="numbers of records")
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the public sets")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "bench" / "curation.json")
    options.add_argument("--chart", type=Path, help="an SVG of cost by size")
    given = options.parse_args()
    console = Console()
    results = []
    for size in (int(number) for number in given.sizes.split(",")):
        results.append(measure(size, given.data))
        show(results, console)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    about = {"python": platform.python_version(), "cpus": os.cpu_count(), "machine": platform.machine()}
    given.out.write_text(json.dumps({"about": about, "results": results}, indent=1), encoding="utf-8")
    if given.chart:
        chart(results, given.chart)


if __name__ == "__main__":
    main()
