"""A disk that is full while a checkpoint is written: a plain error, and the last whole checkpoint as it was."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# torch and safetensors write through libraries of their own, whose errors carry words and no number.
_WORDS = (
    "no space left", "os error 28", "file too large", "os error 27", "disk quota", "failed writing", "unexpected pos",
)  # fmt: skip


def is_full(error: BaseException) -> bool:
    """Whether `error`, or one that it came of, says that a file could not grow."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if any(word in str(seen).lower() for word in _WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@contextmanager
def explaining_a_full_disk(folder: Path) -> Iterator[None]:
    """Raise UserError for a full disk within it, after what was half written under `folder`/checkpoints is gone."""
    from train.fit import last_checkpoint

    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        last = last_checkpoint(folder)
        for half in (folder / "checkpoints").glob("*checkpoint-*"):
            if last is None or not (half / "trainer_state.json").is_file():
                shutil.rmtree(half, ignore_errors=True)
        kept = f"the last good checkpoint is {last}" if last else "no checkpoint was written before"
        raise UserError(
            f"the disk is full: the checkpoint of this step could not be written to {folder}",
            kept,
            "make room, and go on: the same command with resume=true",
            "or start on another disk: out=FOLDER",
        ) from error
