"""Near-duplicate removal side by side: ours, the exact join, and datasketch on one corpus in one run.

    python tests/bench/bench_dedup.py                       # 100,000 documents, datasketch's best
    python tests/bench/bench_dedup.py --rivals all          # and datasketch as its documentation shows it
    python tests/bench/bench_dedup.py --docs 1000000 --rivals none --no-truth

Each method runs in a process of its own, after a warm-up on a few documents (imports, compilation). CPU seconds are
those of the whole process, all threads, from texts in memory to one cluster label a document. All methods use the
same words (`\\w+` of the lower-cased text), 5-grams, 128 permutations and threshold 0.8. The truth is the exact join,
whose freedom from false negatives is a test (tests/curation/dedup/test_exact_join.py).
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
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from curation.dedup.config import DedupConfig, Keys, Method  # noqa: E402
from tests.bench.corpus import corpus  # noqa: E402

THRESHOLD = 0.8
BINS = (0.80, 0.85, 0.90, 0.95, 1.0)
SEED = 20_261

Labels = np.ndarray
Texts = pl.Series


# The methods: from texts to the lowest row of each text's cluster.
def ours(method: Method) -> Callable[[Texts], Labels]:
    from curation.dedup import near_duplicates

    config = DedupConfig(method=method, keys=Keys.text, operators=False, threshold=THRESHOLD)
    return lambda texts: near_duplicates(texts, config, threads=1).cluster


def datasketch_of(sketches: Callable[[list[set[str]]], list[Any]]) -> Callable[[Texts], Labels]:
    """datasketch's LSH with its own bands, candidates checked by the estimated similarity, then clusters."""
    from datasketch import MinHashLSH

    def labels(texts: Texts) -> Labels:
        sets = []
        for text in texts.to_list():
            words = re.findall(r"\w+", text.lower())
            sets.append(
                {" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()
            )
        made = sketches(sets)
        index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
        parent = list(range(len(made)))

        def root(x: int) -> int:
            while parent[x] != x:
                parent[x] = parent[parent[x]]
                x = parent[x]
            return x

        for row, sketch in enumerate(made):
            if not sets[row]:
                continue
            for other in index.query(sketch):
                a, b = root(row), root(other)
                if a != b and sketch.jaccard(made[other]) >= THRESHOLD:
                    parent[max(a, b)] = min(a, b)
            index.insert(row, sketch)
        return np.array([root(row) for row in range(len(made))])

    return labels


def datasketch_defaults() -> Callable[[Texts], Labels]:
    """As in its documentation: SHA-1, one update a shingle."""
    from datasketch import MinHash

    def sketches(sets: list[set[str]]) -> list[Any]:
        made = []
        for shingles in sets:
            sketch = MinHash(num_perm=128)
            for shingle in shingles:
                sketch.update(shingle.encode())
            made.append(sketch)
        return made

    return datasketch_of(sketches)


def datasketch_xxhash() -> Callable[[Texts], Labels]:
    """Its fastest way: `MinHash.bulk` with xxh32."""
    from datasketch import MinHash
    from xxhash import xxh32_intdigest

    def sketches(sets: list[set[str]]) -> list[Any]:
        made: list[Any] = MinHash.bulk(
            ([shingle.encode() for shingle in shingles] for shingles in sets),
            num_perm=128,
            hashfunc=xxh32_intdigest,
        )
        return made

    return datasketch_of(sketches)


METHODS: dict[str, tuple[str, Callable[[], Callable[[Texts], Labels]]]] = {
    "ours": ("MinHash 21 x 6, exact check", lambda: ours(Method.minhash)),
    "ours_exact_join": ("prefix-filter join", lambda: ours(Method.exact_join)),
    "datasketch_xxhash": (f"datasketch {version('datasketch')} bulk, xxh32", datasketch_xxhash),
    "datasketch": (f"datasketch {version('datasketch')} defaults", datasketch_defaults),
}
RIVALS = {
    "none": ["ours", "ours_exact_join"],
    "best": ["ours", "ours_exact_join", "datasketch_xxhash"],
    "all": list(METHODS),
}


def run_here(method: str, path: Path, out: Path) -> None:
    """One method in this process: labels and figures go to files."""
    texts = pl.read_parquet(path)["text"]
    work = METHODS[method][1]()
    work(texts.head(300))
    memory = PeakMemory()
    memory.start()
    wall, cpu = time.perf_counter(), time.process_time()
    labels = work(texts)
    figures = {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "peak_mb": memory.peak / 1e6,
        "loaded_mb": memory.loaded / 1e6,
    }
    memory.done.set()
    np.save(out.with_suffix(".npy"), labels)
    out.write_text(json.dumps(figures))


class PeakMemory(threading.Thread):
    """Samples this process's memory while it works; loading the corpus before is not part of the peak."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process()
        self.loaded = self.peak = self.process.memory_info().rss
        self.done = threading.Event()

    def run(self) -> None:
        """Twenty samples a second until `done`."""
        while not self.done.wait(0.05):
            self.peak = max(self.peak, self.process.memory_info().rss)


def run_apart(method: str, path: Path, folder: Path) -> tuple[dict[str, float], Labels]:
    """`run_here` in a process of its own, one thread in every library."""
    out = folder / f"{method}.json"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, __file__, "--method", method, "--corpus", str(path), "--out", str(out)]
    subprocess.run(command, check=True, env=environment)
    return json.loads(out.read_text()), np.load(out.with_suffix(".npy"))


def quality(labels: Labels, pairs: Any, truth: Labels) -> dict[str, Any]:
    """Recall of true pairs by similarity, pairs just below the threshold that were joined, and false joins."""
    together = labels[pairs.left] == labels[pairs.right]
    made: dict[str, Any] = {}
    for low, high in zip(BINS, (*BINS[1:], 1.01), strict=True):
        inside = (pairs.jaccard >= low) & (pairs.jaccard < high)
        made[f"recall_{low:.2f}"] = float(together[inside].mean()) if inside.any() else None
        made[f"pairs_{low:.2f}"] = int(inside.sum())
    below = (pairs.jaccard < THRESHOLD) & (truth[pairs.left] != truth[pairs.right])
    made["joined_below"] = float(together[below].mean()) if below.any() else None
    # A cluster that holds k true clusters took k - 1 false joins.
    parts = np.unique(labels.astype(np.int64) * len(labels) + truth)
    made["false_joins"] = len(parts) - len(np.unique(labels))
    made["removed"] = len(labels) - len(np.unique(labels))
    return made


def report(results: dict[str, dict[str, Any]], docs: int, console: Console) -> None:
    """Two tables: cost, with the ratio to the best of datasketch in this run, and what was found."""
    rival = max(
        (r["docs_per_cpu_second"] for m, r in results.items() if m.startswith("datasketch")), default=None
    )
    cost = table(f"{docs:,} documents: cost", ["docs / CPU-s", "ratio", "CPU-s", "peak MB", "of it loaded"])
    for method, result in results.items():
        speed = result["docs_per_cpu_second"]
        ratio = f"{speed / rival:.1f}" if rival else "-"
        sizes = (f"{result['peak_mb']:,.0f}", f"{result['loaded_mb']:,.0f}")
        cost.add_row(METHODS[method][0], f"{speed:,.0f}", ratio, f"{result['cpu_seconds']:.2f}", *sizes)
    console.print(cost)
    if all("removed" in result for result in results.values()):
        heads = [f"{low:.2f}-" for low in BINS] + ["joined .75-.80", "false joins", "removed"]
        found = table("Found: recall by similarity of the pair", heads)
        for method, result in results.items():
            recalls = [share(result[f"recall_{low:.2f}"]) for low in BINS]
            counts = (f"{result['false_joins']:,}", f"{result['removed']:,}")
            found.add_row(METHODS[method][0], *recalls, share(result["joined_below"]), *counts)
        first = next(iter(results.values()))
        found.add_row("pairs", *(f"{first[f'pairs_{low:.2f}']:,}" for low in BINS), "", "", "", style="dim")
        console.print(found)


def table(title: str, heads: list[str]) -> Table:
    """An empty table with a first column of methods."""
    made = Table(title=title, title_justify="left", show_edge=False, header_style="bold")
    made.add_column("method", no_wrap=True)
    for head in heads:
        made.add_column(head, justify="right")
    return made


def share(value: float | None) -> str:
    """A fraction with four digits."""
    return "-" if value is None else f"{value:.4f}"


def main() -> None:
    """Build the corpus, run the methods one after another, print the table, write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--docs", type=int, default=100_000, help="documents in the corpus (default: %(default)s)"
    )
    parser.add_argument("--rivals", choices=RIVALS, default="best", help="what ours is compared with")
    parser.add_argument("--truth", action=argparse.BooleanOptionalAction, default=True, help="measure recall")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "bench" / "dedup.json", help="JSON file")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.method:
        run_here(given.method, given.corpus, given.out)
        return
    console = Console(width=max(120, Console().width))
    folder = Path(os.environ.get("TUNEPROOF_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        console.print(f"skipped: the public data sets are not at {folder} (TUNEPROOF_SHARED_DATA)")
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "corpus.parquet"
        texts = corpus(given.docs, folder, random.Random(SEED))
        pl.DataFrame({"text": texts}).write_parquet(path)
        characters = sum(map(len, texts))
        del texts
        console.print(f"{given.docs:,} documents, {characters / 1e6:,.0f} million characters")
        results, labels = {}, {}
        for method in RIVALS[given.rivals]:
            figures, labels[method] = run_apart(method, path, Path(place))
            results[method] = {"docs_per_cpu_second": given.docs / figures["cpu_seconds"], **figures}
        if given.truth:
            from curation.dedup.exact_join import join

            pairs = join(pl.read_parquet(path)["text"], 0.75, operators=False)
            for method in results:
                results[method] |= quality(labels[method], pairs, labels["ours_exact_join"])
    report(results, given.docs, console)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "docs": given.docs,
        "characters": characters,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
    given.out.write_text(json.dumps({**about, "methods": results}, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {given.out}")


if __name__ == "__main__":
    main()
