"""The arguments of `python -m data vault` and `reveal`; apart, because --help imports them and no vault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def add_vault(add: Callable[..., Any]) -> None:
    """The arguments of the commands; `add` is add_parser."""
    one = add("vault", help="make the vault of originals and its key, look at it, read its access log")
    one.add_argument(
        "what",
        choices=("init", "show", "log"),
        help="init: a new vault, and a key where there is none; show: what it holds, counted; log: who saw what",
    )
    two = add(
        "reveal",
        help="the original for which a pseudonym stands, or those of a record; leaves an access entry",
    )
    two.add_argument("token", metavar="TOKEN|RECORD", help="as it stands in the text, or a record id")
    two.add_argument("--because", default="", metavar="TEXT", help="why; stands in the access log")
    for command in (one, two):
        command.add_argument("--vault", default="", help="the vault (default: FILE.vault beside the store)")
        command.add_argument(
            "--key-file",
            default="",
            help="its key (default: $TUNEPROOF_PII_KEY, then ~/.config/tuneproof/pii.key)",
        )
