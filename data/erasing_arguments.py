"""The arguments of `python -m data purge`, `subject` and `forget`; apart, because --help imports them and no store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def add_erasing(add: Callable[..., Any]) -> None:
    """The arguments of the commands; `add` is add_parser."""
    one = add("purge", help="delete the texts that only versions before scrubbing hold")
    one.add_argument(
        "--before",
        default="pii",
        metavar="STAGE|VERSION|TAG",
        help="delete what only versions before it hold (default: %(default)s, the stage that scrubs)",
    )
    one.add_argument("--yes", action="store_true", help="do it; without, only what would go is listed")
