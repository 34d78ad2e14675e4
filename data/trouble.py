"""What goes wrong with files, folders and the store's file, as a plain error; for every command."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from data.commands import spelt
from data.errors import UserError

PLACES = (
    "choose places that can be written: out=FOLDER, store.path=FILE (for all commands: TUNEPROOF_STORE=FILE)"
)
STORE_WAY = "name another file: store.path=FILE, or the variable TUNEPROOF_STORE"


def cannot_write(path: Path | str, reason: str, *ways: str) -> UserError:
    """The error for a place that cannot be written; `ways` say which key or variable names another."""
    return UserError(f"cannot write {path}: {reason}", *ways)


def check_folder(folder: Path, *ways: str, name: Path | None = None) -> None:
    """Raise UserError where files cannot be made in `folder`, which need not exist yet. Makes nothing.

    The error speaks of `name`, a file to be made in it, where given.
    """
    there, named = folder, name or folder
    try:
        while not there.exists():
            there = there.parent
    except OSError as error:
        raise cannot_write(named, str(error.strerror), *ways) from None
    if not there.is_dir():
        raise cannot_write(named, f"{there} is a file, not a folder", *ways)
    if not os.access(there, os.W_OK | os.X_OK):
        raise cannot_write(named, f"no permission to write in {there.absolute()}", *ways)


def made(folder: Path, *ways: str, name: Path | None = None) -> Path:
    """`folder`, made with its parents where absent. Raises UserError, as `check_folder`, where that cannot be."""
    check_folder(folder, *ways, name=name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, str(error.strerror), *ways) from None
    return folder


def check_file(path: Path, *ways: str) -> None:
    """Raise UserError where a file cannot be made at `path`. Its folder has to be there: a typing error makes none."""
    if path.is_dir():
        raise cannot_write(path, "it is a folder", "name a file in it")
    if not path.parent.exists():
        raise cannot_write(
            path, f"there is no folder {path.parent}", f"make it first: mkdir -p {path.parent}"
        )
    check_folder(path.parent, *ways, name=path)


def trouble(error: Exception) -> UserError | None:
    """`error` as a user's error, or None for a bug of ours, which keeps its traceback.

    An OSError counts only where it names a file or says that the disk is full. Raises KeyboardInterrupt for DuckDB's
    own errors of a query that Ctrl-C ended.
    """
    if str(error) == "Query interrupted" or "failed: KeyboardInterrupt" in str(error):
        raise KeyboardInterrupt from None
    if isinstance(error, UserError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return cannot_write(error.filename or "a file", "the disk is full", PLACES)
    if isinstance(error, OSError) and error.filename is not None:
        name = str(error.filename)
        if (os.path.lexists(name) and not os.access(name, os.R_OK)) or _is_missing(error):
            return UserError(f"cannot read {name}: {error.strerror}")
        return cannot_write(name, str(error.strerror), PLACES)
    if "duckdb" in sys.modules:
        from data.connection import explained_late

        return explained_late(error)
    return None


def _is_missing(error: OSError) -> bool:
    """Whether a file was to be read: one that is to be written is only not found where its folder is not."""
    return isinstance(error, FileNotFoundError) and Path(str(error.filename)).parent.is_dir()


def complain(error: UserError, store: str = "") -> int:
    """Print a user error to stderr, the problem first and the way out beneath; returns 2.

    Commands in it are spelt as this user types them.
    """
    print(f"error: {error.problem}", file=sys.stderr)  # noqa: T201
    for hint in error.hints:
        for line in spelt(hint, store).splitlines():
            print(f"  {line}", file=sys.stderr)  # noqa: T201
    return 2
