"""What `python -m curation.desk` can be told to do: a literal table, and how a command line names a verb."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from data.errors import UserError, closest

HELP = (
    "-h",
    "--help",
    "--hydra-help",
    "--version",
    "--cfg",
    "--info",
    "--shell-completion",
    "-c",
    "-i",
    "-sc",
)
# How a setting begins, in Hydra's grammar; a file's name with spaces and an equals sign is none.
OVERRIDE = re.compile(r"[+~]{0,2}[\w.@/-]+=")


class Verb(StrEnum):
    """The first word of the command line."""

    up = "up"
    down = "down"
    status = "status"
    install = "install"
    backup = "backup"
    restore = "restore"
    push = "push"
    pull = "pull"
    agreement = "agreement"
    adjudicate = "adjudicate"


@dataclass(frozen=True, slots=True)
class Deed:
    """What a verb does: `function` of `module` takes the whole DeskCommand and returns an exit code or None.

    takes_file   the verb is followed by the name of a file
    """

    module: str
    function: str
    meaning: str
    takes_file: bool = False


DEEDS = {
    Verb.up: Deed("curation.desk.server.up", "up", "start the server and its web page"),
    Verb.down: Deed("curation.desk.server.down", "down", "stop the server"),
    Verb.status: Deed("curation.desk.status", "status", "the server, and how far the labelling is"),
    Verb.install: Deed("curation.desk.server.environment", "install", "only make the server's environment"),
    Verb.backup: Deed("curation.desk.server.backup", "backup", "copy everything into FILE", True),
    Verb.restore: Deed("curation.desk.server.backup", "restore", "put a backup into an empty home", True),
    Verb.push: Deed("curation.desk.push", "push", "records that a person should see go to the server"),
    Verb.pull: Deed("curation.desk.pull", "pull", "answers come back, as verdicts and a new version"),
    Verb.agreement: Deed("curation.desk.agreement", "agreement", "how far annotators agree; facts"),
    Verb.adjudicate: Deed("curation.desk.adjudicate", "adjudicate", "disagreements go to one more person"),
}


def listing() -> str:
    """The verbs, one a line, with their meaning."""
    names = {verb: f"{verb} FILE" if deed.takes_file else str(verb) for verb, deed in DEEDS.items()}
    return "\n".join(f"  {names[verb]:<13} {deed.meaning}" for verb, deed in DEEDS.items())


def overrides(words: list[str]) -> list[str]:
    """The command line `VERB [FILE] key=value ...` as Hydra's overrides `verb=VERB file=FILE key=value ...`.

    Raises UserError for a missing or unknown verb, a missing file, or one more word than the verb takes.
    """
    if any(word.split("=")[0] in HELP for word in words):
        return [word for word in words if word not in set(Verb)]
    if not words or OVERRIDE.match(words[0]) or words[0].startswith("-"):
        raise UserError("which verb? python -m curation.desk VERB [key=value ...]", *listing().splitlines())
    verb, rest = words[0], words[1:]
    if verb not in set(Verb):
        hint = closest(verb, Verb).partition("(allowed")[0].strip()
        raise UserError(f"no such verb: {verb}", *([hint] if hint else []), *listing().splitlines())
    deed = DEEDS[Verb(verb)]
    bare = [word for word in rest if not OVERRIDE.match(word) and not word.startswith("-")]
    others = [word for word in rest if word not in bare]
    if deed.takes_file and not bare and not any(word.startswith("file=") for word in others):
        raise UserError(f"{verb} needs a file: python -m curation.desk {verb} FILE")
    if len(bare) > int(deed.takes_file):
        stranger = bare[int(deed.takes_file)]
        raise UserError(f"{verb} takes no word '{stranger}'", "settings look like key=value")
    quoted = [f"file='{_escaped(word)}'" for word in bare]
    return [f"verb={verb}", *quoted, *others]


def _escaped(word: str) -> str:
    """`word` within the single quotes of Hydra's grammar, where a backslash counts only before a quote."""
    return re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), word)
