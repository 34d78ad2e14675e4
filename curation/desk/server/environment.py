"""The server's own Python environment: made once from `server-lock.txt`, gone on with where it was interrupted.

Argilla's server holds fastapi, pydantic, click and others at versions of 2024, which the project cannot share.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from curation.desk.config import DeskCommand, DeskConfig
from data.errors import UserError
from data.key import VARIABLE
from data.progress import progress
from data.trouble import made

LOCK = Path(__file__).parent / "server-lock.txt"
PYTHONS = ((3, 11), (3, 12), (3, 13))
NEEDED_BYTES = 1_300_000_000  # 583 MB stay; pip holds the archives beside them
OTHER_PLACE = "name another folder: desk.environment=FOLDER, or the variable TUNEPROOF_DESK_ENV"
# Of the user's own pip settings these would install elsewhere, or other versions.
_NOT_OURS = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_CONSTRAINT",
    "PIP_REQUIREMENT",
    "PIP_ROOT",
    VARIABLE,
)


def install(command: DeskCommand) -> None:
    """`python -m curation.desk install`: make the environment and nothing else."""
    python = ready(command.desk)
    print(f"the labelling server is installed: {python.parent.parent}")  # noqa: T201


def folder(desk: DeskConfig) -> Path:
    """Where the environment lies: `desk.environment`, else a folder of the user's that is named after the lock."""
    if desk.environment:
        return Path(desk.environment).expanduser().absolute()
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    return data / "tuneproof" / f"desk-{_digest()}"


def ready(desk: DeskConfig) -> Path:
    """The environment's Python, after making what is missing. Raises UserError where it cannot be made."""
    place = folder(desk)
    python = place / "bin" / "python"
    if _is_whole(place):
        return python
    made(place.parent, OTHER_PLACE)
    with _alone(place):
        if _is_whole(place):  # another process has made it meanwhile
            return python
        _check_space(place)
        _make_venv(place, _base_python(desk), desk)
        _install(place, python)
        (place / ".made").write_text(_digest(), encoding="utf-8")
    return python


def _digest() -> str:
    return sha256(LOCK.read_bytes()).hexdigest()[:12]


def _is_whole(place: Path) -> bool:
    stamp = place / ".made"
    return (
        stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest() and (place / "bin/python").exists()
    )


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process makes the environment; others wait for it."""
    with (place.parent / f".{place.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("another process is installing the labelling server; waiting for it", file=sys.stderr)  # noqa: T201
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check_space(place: Path) -> None:
    free = shutil.disk_usage(place.parent).free
    if free < NEEDED_BYTES:
        raise UserError(
            f"no room for the labelling server in {place.parent}: {free // 10**6} MB are free,"
            f" {NEEDED_BYTES // 10**6} MB are needed",
            OTHER_PLACE,
        )


def _base_python(desk: DeskConfig) -> str:
    """The Python that makes the environment, after asking it for its version."""
    python = str(Path(desk.python).expanduser()) if desk.python else sys.executable
    way = "name one of 3.11 to 3.13: desk.python=/usr/bin/python3.11"
    try:
        asked = [python, "-I", "-c", "import sys; print(*sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.split()
        major, minor = (int(number) for number in said)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise UserError(f"desk.python={python}: that is no Python", way) from None
    if (major, minor) not in PYTHONS:
        raise UserError(
            f"{python} is Python {major}.{minor}, which Argilla's server was not tested with", way
        )
    return python


def _make_venv(place: Path, python: str, desk: DeskConfig) -> None:
    if place.exists() and any(place.iterdir()) and not (place / "pyvenv.cfg").exists():
        raise UserError(f"{place} holds something else than the labelling server", OTHER_PLACE)
    if _runs_pip(place):
        return
    print(f"making the labelling server's own environment (once): {place}", file=sys.stderr)  # noqa: T201
    run = subprocess.run(
        [python, "-m", "venv", "--clear", str(place)], capture_output=True, text=True, check=False
    )
    if run.returncode:
        last = (run.stdout + run.stderr).strip().splitlines()[-1:]
        raise UserError(
            f"{python} cannot make an environment: {' '.join(last)}",
            "Debian keeps that in a package of its own: apt install python3-venv",
            "or name another Python: desk.python=/usr/bin/python3.11",
        )


def _runs_pip(place: Path) -> bool:
    """Whether a half-made environment can be gone on with."""
    asked = [str(place / "bin" / "python"), "-I", "-m", "pip", "--version"]
    try:
        return subprocess.run(asked, capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _install(place: Path, python: Path) -> None:
    """Install the lock; pip leaves alone what an interrupted call has installed."""
    wanted = [
        line for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] != "#"
    ]
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
    environment.pop("PYTHONPATH", None)
    command = [str(python), "-I", "-m", "pip", "install", "--no-deps", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--no-warn-script-location", "-r", str(LOCK)]
    last: deque[str] = deque(maxlen=15)
    with (
        progress("installing the labelling server", total=2 * len(wanted)) as step,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        ) as pip,
    ):
        assert pip.stdout is not None
        try:
            for line in pip.stdout:
                last.append(line.rstrip())
                if line.startswith(("Collecting ", "Requirement already satisfied", "Ignoring ")):
                    step(1)
                elif line.startswith("Installing collected"):
                    step(len(wanted))
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        errors = [line for line in last if line.startswith("ERROR")] or list(last)[-1:]
        raise UserError(
            f"the labelling server could not be installed: {errors[0].removeprefix('ERROR: ')}",
            "it needs the package index (pip's own settings count); the same command goes on where this one ended",
            f"to begin anew: rm -r {place}",
        )
