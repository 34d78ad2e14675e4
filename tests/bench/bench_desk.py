"""The labelling desk at many records: push, a page of the queue, text search, pull, memory; many people; kill -9.

    python tests/bench/bench_desk.py                    # 10,000 real records
    python tests/bench/bench_desk.py --records 50000

A real server is started on a home of its own, with its worker, and everything goes the way that users go: the commands
`curation`, `curation.desk push` and `pull`, and for annotators the route that Argilla's page asks (pending records with
answers and suggestions: it asks for 10, `queue_50_s` for 50). Texts are the public sets' (--data, or
TUNEPROOF_SHARED_DATA). Times are the median of several requests, and what one person sees while nobody else asks.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "bench"))

from corpus import machine_texts, shared_texts  # noqa: E402

from curation.desk.server.home import Home  # noqa: E402
from curation.desk.server.state import look  # noqa: E402

SEARCHES = ("python function", '"in the morning"', "king | queen", "story -dragon", "philos*", "the")
PEOPLE, EACH = 6, 40
PAGE = {"limit": 10, "include": ["responses", "suggestions"]}


def desk_class() -> Any:
    """The tests' own `Desk`: starts a server on a home and asks it by REST."""
    path = ROOT / "tests" / "curation" / "desk" / "conftest.py"
    spec = importlib.util.spec_from_file_location("desk_conftest", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["desk_conftest"] = module
    spec.loader.exec_module(module)
    return module


def seconds(work: Any, times: int = 1) -> float:
    """The median time of `work()`."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def run(*words: str) -> str:
    """One of our commands; its output."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pending() -> dict[str, Any]:
    """What the page asks for: records that whoever asks has not answered, and that still lack answers."""
    return {
        "filters": {
            "and": [
                {"type": "terms", "scope": {"entity": entity, "property": "status"}, "values": ["pending"]}
                for entity in ("response", "record")
            ]
        }
    }


def real_texts(folder: Path, count: int) -> list[str]:
    """So many texts of 20 to 8,000 characters: the public sets' where they are at hand, else Python's own sources."""
    some = (text.strip() for text in chain(shared_texts(folder) if folder.is_dir() else (), machine_texts()))
    return list(islice((text for text in some if 20 <= len(text) <= 8_000), count))


def measure(desk: Any, store: Path, records: int) -> dict[str, float]:
    """Push, queue, search, pull and memory at so many records."""
    keys = [*desk.keys, f"store.path={store}", "allow_unscrubbed=true", "dataset=bench"]
    pushing = (
        "curation.desk",
        "push",
        "questions=keep",
        "select=sample",
        f"rows={records}",
        "overlap=2",
        *keys,
    )
    figures = {"push_s": seconds(lambda: run(*pushing))}
    figures["push_again_s"] = seconds(lambda: run(*pushing))
    dataset = desk.ask("GET", "me/datasets")["items"][0]["id"]
    assert desk.ask("GET", f"datasets/{dataset}/progress")["total"] == records
    figures["queue_s"] = seconds(lambda: desk.search(dataset, pending(), user="ann", **PAGE), 7)
    long = {**PAGE, "limit": 50}
    figures["queue_50_s"] = seconds(lambda: desk.search(dataset, pending(), user="ann", **long), 5)
    deep = {**PAGE, "offset": records - 10}
    figures["queue_end_s"] = seconds(lambda: desk.search(dataset, pending(), user="ann", **deep), 5)
    figures["search_s"] = max(
        seconds(lambda text=text: desk.search(dataset, {"query": {"text": {"q": text}}}, limit=10), 5)
        for text in SEARCHES
    )
    by_score = {"sort": [{"scope": {"entity": "metadata", "metadata_property": "score"}, "order": "asc"}]}
    figures["sort_s"] = seconds(lambda: desk.search(dataset, by_score, limit=50), 5)
    figures["together_lost"], figures["together_s"] = together(desk, dataset)
    figures["pull_s"] = seconds(lambda: run("curation.desk", "pull", "questions=keep", "apply=false", *keys))
    figures["memory_mb"] = look(Home(desk.home)).memory / 1e6
    return figures


def together(desk: Any, dataset: str) -> tuple[int, float]:
    """Six people answer 40 records each at the same time: (acknowledged answers that are not there, seconds)."""
    names = [name for name in desk.users if name != "owner"][:PEOPLE]
    for name in names:
        desk.as_user(name)
    said: dict[str, set[str]] = {}

    def sit(name: str) -> None:
        done: set[str] = set()
        while len(done) < EACH:
            page = desk.search(dataset, pending(), user=name, limit=10)["items"]
            for item in page[: EACH - len(done)]:
                desk.answer(item["record"]["id"], {"fate": "keep"}, name)
                done.add(item["record"]["id"])
        said[name] = done

    start = time.perf_counter()
    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(sit, names))
    taken = time.perf_counter() - start
    return sum(len(said[name] - answered(desk, dataset, name)) for name in names), taken


def answered(desk: Any, dataset: str, name: str) -> set[str]:
    """The records that the user has submitted an answer to, as the server has them."""
    scope = {"entity": "response", "property": "status"}
    body = {"filters": {"and": [{"type": "terms", "scope": scope, "values": ["submitted"]}]}}
    found: set[str] = set()
    while True:
        items = desk.search(dataset, body, user=name, limit=500, offset=len(found))["items"]
        found |= {item["record"]["id"] for item in items}
        if len(items) < 500:
            return found


def killed(desk: Any, enough: int = 60) -> dict[str, int]:
    """Answer without a pause, kill the server with -9 in the middle, start it again: what was lost."""
    dataset = desk.ask("GET", "me/datasets")["items"][0]["id"]
    acknowledged: dict[str, set[str]] = {}
    stop = threading.Event()

    def sit(name: str) -> None:
        done = acknowledged.setdefault(name, set())
        try:
            queue = desk.search(dataset, pending(), user=name, limit=500)["items"]
            for item in queue:
                if stop.is_set():
                    return
                desk.answer(item["record"]["id"], {"fate": "drop"}, name)
                done.add(item["record"]["id"])
        except httpx.HTTPError:
            return  # the server is gone: what it had not acknowledged counts for nothing

    names = [name for name in desk.users if name != "owner"][:3]
    for name in names:
        desk.as_user(name)
    before = {name: len(answered(desk, dataset, name)) for name in names}
    threads = [threading.Thread(target=sit, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    while sum(map(len, acknowledged.values())) < enough:
        time.sleep(0.01)
    os.kill(desk.state["pid"], signal.SIGKILL)
    for thread in threads:
        thread.join()
    stop.set()
    desk.launcher.communicate(timeout=60)
    assert not desk.left()
    desk.close()
    desk.up()
    lost = sum(len(acknowledged[name] - answered(desk, dataset, name)) for name in names)
    more = sum(len(answered(desk, dataset, name)) - before[name] - len(acknowledged[name]) for name in names)
    words = desk.search(dataset, {"query": {"text": {"q": "the"}}}, limit=1)["total"]
    return {
        "acknowledged": sum(map(len, acknowledged.values())),
        "lost": lost,
        "unsaid": more,
        "words": words,
    }


def main() -> None:
    """Print the figures, and write them as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("TUNEPROOF_SHARED_DATA", ROOT.parent / "shared/data")),
    )
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "bench" / "desk.json")
    options = parser.parse_args()
    module = desk_class()
    installed = module.command("install")
    assert installed.returncode == 0, installed.stderr
    with tempfile.TemporaryDirectory() as scratch:
        source, store = Path(scratch) / "texts.jsonl", Path(scratch) / "store.duckdb"
        texts = real_texts(options.data, options.records)
        with source.open("w", encoding="utf-8") as file:
            for number, text in enumerate(texts):
                file.write(json.dumps({"prompt": f"Text {number}", "completion": text}) + "\n")
        run(
            "curation", f"source.path={source}", f"store.path={store}", "stages=[split]", f"out={scratch}/out"
        )
        desk = module.Desk(Path(scratch) / "home")
        try:
            figures: dict[str, float] = {"start_s": seconds(desk.up)}
            figures["start_memory_mb"] = look(Home(desk.home)).memory / 1e6
            figures |= measure(desk, store, options.records)
            figures |= {f"kill_{name}": value for name, value in killed(desk).items()}
            figures["database_mb"] = (desk.home / "argilla.db").stat().st_size / 1e6
            figures["backup_s"] = seconds(lambda: desk.run("backup", f"{scratch}/desk.backup"))
        finally:
            desk.stop()
            assert not desk.left()
    figures["records"] = options.records
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1))
    table = Table("what", "figure")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.3f}" if name.endswith("_s") else f"{value:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
