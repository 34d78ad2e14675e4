"""Rivals in environments of their own: what is installed, and the installing. Nothing goes to the project's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[2] / "runs" / "bench" / "envs"
# The script reads Parquet and measures memory.
COMMON = ("pyarrow==26.0.1", "psutil==7.2.2")


@dataclass(frozen=True)
class Rival:
    """A row of the table: what is said of it, and the packages of its environment."""

    title: str
    packages: tuple[str, ...]
    # Installed without what they ask for.
    alone: tuple[str, ...] = ()


RIVALS = {
    "rensa": Rival("rensa 0.5.0, 16 x 8", ("rensa==0.5.0", *COMMON)),
    # daft 0.7.26 asks for pyarrow below 26.
    "daft": Rival(
        "daft 0.7.26 minhash, 9 x 13", ("daft==0.7.26", "numpy==2.4.6", "pyarrow==25.0.1", "psutil==7.2.2")
    ),
    "datatrove": Rival(
        "datatrove 0.10.1, 16 x 8",
        (
            "datatrove==0.10.1",
            "numpy==2.4.6",
            "regex==2026.11.19",
            "tokenizers==0.23.3",
            "xxhash==3.6.0",
            *COMMON,
        ),
    ),
    # 0.4.1 needs Python 3.12. It asks for pyspark and unisim, which its MinHash does not use.
    "text_dedup": Rival(
        "text-dedup 0.4.0, 9 x 13",
        (
            "datasets==5.2.0",
            "numpy==2.4.6",
            "scipy==1.17.1",
            "click==8.5.1",
            "click-option-group==0.5.6",
            "rich==13.9.4",
            "ftfy==6.3.1",
            "regex==2026.11.19",
            "xxhash==4.1.0",
            "tqdm==4.70.1",
            *COMMON,
        ),
        alone=("text-dedup==0.4.0",),
    ),
}


class LeftOutError(Exception):
    """A rival that does not take part, and why."""


def python_of(name: str) -> Path:
    """The interpreter of a rival's environment, which is made where it is not there as pinned."""
    rival, folder = RIVALS[name], ENVIRONMENTS / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pins, mark = "\n".join((*rival.packages, *rival.alone)), folder / "pins.txt"
    if mark.is_file() and mark.read_text() == pins:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    # Wheels only: a build from source may take many minutes.
    pip += ["--only-binary", ":all:", "--retries", "1", "--timeout", "15"]
    called("not installed", [sys.executable, "-m", "venv", str(folder)], 120)
    called("not installed", [*pip, *rival.packages], 600)
    if rival.alone:
        called("not installed", [*pip, "--no-deps", *rival.alone], 120)
    mark.write_text(pins)
    return python


def run(name: str, corpus: Path, out: Path) -> None:
    """A rival's script in its environment, one thread in every library."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")
    environment = os.environ | dict.fromkeys(limits, "1")
    # Caches beside the corpus, and nothing sent home.
    environment |= {"HF_HOME": str(out.parent / "hf"), "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "true"}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "DAFT_ANALYTICS_ENABLED": "0"}
    command = [str(python_of(name)), str(HERE / f"{name}_run.py"), str(corpus), str(out)]
    called("failed", command, 3600, environment, out.parent)


def called(
    what: str,
    command: list[str],
    seconds: int,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run it quietly; what goes wrong is `LeftOutError` with the last line that says so."""
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise LeftOutError(f"{what}: over {seconds} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        said = [line for line in lines if line.startswith("ERROR:")] or lines
        raise LeftOutError(f"{what}: {said[-1].removeprefix('ERROR:').strip()}")
