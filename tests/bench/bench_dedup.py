"""Near-duplicate removal side by side: ours, the exact join, and other libraries on one corpus in one run.

    python tests/bench/bench_dedup.py                       # 100,000 documents, datasketch's best
    python tests/bench/bench_dedup.py --rivals all          # and every other, installed where it is missing
    python tests/bench/bench_dedup.py --docs 1000000 --rivals none --no-truth

Each method runs in a process of its own, after a warm-up on a few documents (imports, compilation). CPU seconds are
those of the whole process, all threads, from texts in memory to one cluster label a document. All methods use the
same words (`\\w+` of the lower-cased text), 5-grams, 128 permutations and threshold 0.8, as nearly as their interfaces
allow: what differs is said in tests/bench/rivals/*_run.py. Libraries that the project does not use have environments
of their own under runs/bench/envs (tests/bench/rivals/environments.py); one that cannot be installed is left out. The
truth is the exact join, whose freedom from false negatives is a test (tests/curation/dedup/test_exact_join.py).
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
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from curation.dedup.config import DedupConfig, Keys, Method  # noqa: E402
from tests.bench.corpus import corpus  # noqa: E402
from tests.bench.rivals import environments  # noqa: E402
from tests.bench.rivals.measure import PERMUTATIONS, THRESHOLD, WARM_UP, components, measured  # noqa: E402

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
        index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)

        def pairs() -> Iterator[tuple[int, int]]:
            for row, sketch in enumerate(made):
                if sets[row]:
                    yield from ((row, other) for other in index.query(sketch))
                    index.insert(row, sketch)

        def similar(a: int, b: int) -> bool:
            return bool(made[a].jaccard(made[b]) >= THRESHOLD)

        return np.array(components(len(made), pairs(), similar))

    return labels


def datasketch_defaults() -> Callable[[Texts], Labels]:
    """As in its documentation: SHA-1, one update a shingle."""
    from datasketch import MinHash

    def sketches(sets: list[set[str]]) -> list[Any]:
        made = []
        for shingles in sets:
            sketch = MinHash(num_perm=PERMUTATIONS)
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
            num_perm=PERMUTATIONS,
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
TITLES = {method: title for method, (title, _) in METHODS.items()}
TITLES |= {name: rival.title for name, rival in environments.RIVALS.items()}
RIVALS = {
    "none": ["ours", "ours_exact_join"],
    "best": ["ours", "ours_exact_join", "datasketch_xxhash"],
    "all": list(TITLES),
}


def run_here(method: str, path: Path, out: Path) -> None:
    """One method in this process: labels and figures go to files."""
    texts = pl.read_parquet(path)["text"]
    labels, figures = measured(METHODS[method][1](), texts, texts.head(WARM_UP))
    out.with_suffix(".labels").write_bytes(np.asarray(labels, dtype=np.int64).tobytes())
    out.write_text(json.dumps(figures))


def run_apart(method: str, path: Path, folder: Path) -> tuple[dict[str, float], Labels]:
    """`run_here` in a process of its own, one thread in every library."""
    out = folder / f"{method}.json"
    if method in METHODS:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "POLARS_MAX_THREADS": "1",
            "PYTHONHASHSEED": "0",
        }
        command = [sys.executable, __file__, "--method", method, "--corpus", str(path), "--out", str(out)]
        subprocess.run(command, check=True, env=environment)
    else:
        environments.run(method, path, out)
    return json.loads(out.read_text()), np.fromfile(out.with_suffix(".labels"), dtype=np.int64)


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
    ran = {method: result for method, result in results.items() if "left_out" not in result}
    rival = max(
        (r["docs_per_cpu_second"] for m, r in ran.items() if m.startswith("datasketch")), default=None
    )
    heads = ["docs /\nCPU-s", "to data-\nsketch", "CPU-s", "peak\nMB", "of it\nloaded"]
    cost = table(f"{docs:,} documents: cost", heads)
    for method, result in results.items():
        if method not in ran:
            cost.add_row(
                f"{TITLES[method]}\n  {shorten(result['left_out'], 40, placeholder='…')}",
                *"-----",
                style="dim",
            )
            continue
        speed = result["docs_per_cpu_second"]
        ratio = f"{speed / rival:.{1 if speed > rival else 2}f}" if rival else "-"
        sizes = (f"{result['peak_mb']:,.0f}", f"{result['loaded_mb']:,.0f}")
        cost.add_row(TITLES[method], f"{speed:,.0f}", ratio, f"{result['cpu_seconds']:.2f}", *sizes)
    console.print(cost)
    if all("removed" in result for result in ran.values()):
        heads = [f"{low:.2f}-" for low in BINS] + ["joined\n.75-.80", "false\njoins", "removed"]
        found = table("Found: recall by similarity of the pair", heads)
        for method, result in ran.items():
            recalls = [share(result[f"recall_{low:.2f}"]) for low in BINS]
            counts = (f"{result['false_joins']:,}", f"{result['removed']:,}")
            found.add_row(TITLES[method], *recalls, share(result["joined_below"]), *counts)
        first = next(iter(ran.values()))
        found.add_row("pairs", *(f"{first[f'pairs_{low:.2f}']:,}" for low in BINS), "", "", "", style="dim")
        console.print(found)


def table(title: str, heads: list[str]) -> Table:
    """An empty table with a first column of methods."""
    made = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0)
    )
    made.add_column("method", no_wrap=True)
    for head in heads:
        made.add_column(head, justify="right", no_wrap=True)
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
    console = Console(width=max(100, Console().width))
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
            console.print(f"  {TITLES[method]} ...", style="dim")
            try:
                figures, labels[method] = run_apart(method, path, Path(place))
            except environments.LeftOutError as error:
                results[method] = {"left_out": str(error)}
                continue
            results[method] = {"docs_per_cpu_second": given.docs / figures["cpu_seconds"], **figures}
        if given.truth:
            from curation.dedup.exact_join import join

            pairs = join(pl.read_parquet(path)["text"], 0.75, operators=False)
            for method, found in labels.items():
                results[method] |= quality(found, pairs, labels["ours_exact_join"])
    report(results, given.docs, console)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "docs": given.docs,
        "characters": characters,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
    given.out.write_text(
        json.dumps({**about, "titles": TITLES, "methods": results}, indent=1) + "\n", encoding="utf-8"
    )
    console.print(f"written to {given.out}")


if __name__ == "__main__":
    main()
