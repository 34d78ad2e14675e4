"""The arguments of `python -m data purge`, `subject` and `forget`; apart, because --help imports them and no store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
    person = "a name, address, number or record id; - reads values from standard input, @FILE from a file, one a line"
    two = add("subject", help="where a person's data is: versions, exports, runs, answers, reports")
    two.add_argument("--json", action="store_true", help="everything in full, as JSON")
    three = add("forget", help="erase a person's texts everywhere, with a certificate")
    three.add_argument("--yes", action="store_true", help="do it; without, only what was found is listed")
    three.add_argument("--by", default="", metavar="NAME", help="who does it; stands in the certificate")
    three.add_argument(
        "--out",
        type=Path,
        default=Path("runs/erasures"),
        help="folder of the certificate (default: %(default)s)",
    )
    for command in (two, three):
        command.add_argument("values", nargs="+", metavar="VALUE", help=person)
        command.add_argument(
            "--vault", default="", help="the vault (default: FILE.vault beside the store, if there)"
        )
        command.add_argument("--key-file", default="", help="its key (default: as for pseudonyms)")
