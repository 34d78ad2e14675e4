"""The model that tells languages apart, loaded once for every stage that asks it."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np

from data.errors import MissingPackage


@cache
def identifier() -> Any:
    """py3langid's identifier, whose model lies in its wheel; probabilities are normalised."""
    try:
        from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "languages are told apart by the package py3langid, which is not installed",
            "pip install 'tuneproof[curation]', or quality.families.language=off",
        ) from error
    packed = MODEL_DIR / MODEL_FILE
    with suppress(OSError, ValueError):
        return LanguageIdentifier(**_mapped(packed), norm_probs=True)
    return LanguageIdentifier.from_model_file(packed, norm_probs=True)


def _mapped(packed: Path) -> dict[str, Any]:
    """The model's arrays, mapped from files where they lie unpacked: unpacking 70 MB takes half a second of every run.

    The files are made by the first run, in the user's cache (XDG_CACHE_HOME). Raises OSError where that cannot be.
    """
    about = packed.stat()
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "tuneproof"
    folder = cached / f"languages-{about.st_size}-{about.st_mtime_ns}"
    if not folder.is_dir():
        _unpack(packed, folder)
    ptc, pc, classes, moves, rows, output = (
        np.load(folder / f"{number}.npy", mmap_mode="r", allow_pickle=False) for number in range(6)
    )
    return {
        "nb_ptc": ptc,
        "nb_pc": np.asarray(pc),
        "nb_classes": classes.tolist(),
        "tk_nextmove": memoryview(moves),
        "tk_output": output.tolist(),
        "tk_row": rows.tolist(),
    }


def _unpack(packed: Path, folder: Path) -> None:
    from py3langid.modelio import load_model

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
    try:
        for number, values in enumerate(load_model(packed)):
            np.save(made / f"{number}.npy", np.asarray(values))
        with suppress(OSError):  # another process was quicker
            made.rename(folder)
    finally:
        rmtree(made, ignore_errors=True)
