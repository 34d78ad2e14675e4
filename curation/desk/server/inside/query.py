"""What an annotator types into the search field: words, "a phrase", -without, begin*, one | other.

A subset of Elasticsearch's simple_query_string, which Argilla's page is written for. Words stand for records that hold
all of them; `|` separates alternatives. A word without any letter or digit, or of a script that puts no spaces between
words, is looked for as it stands, since FTS5 knows no such words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = re.compile(r'(?P<alternative>\|)|(?P<without>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s|"]+))')
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
# Thai to Khmer, kana and the ideographs: FTS5's unicode61 takes a whole sentence of them for one word.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One word or phrase.

    without   the record must not hold it
    begins    the last word only begins like this
    literal   looked for as it stands, not as words
    """

    text: str
    without: bool = False
    begins: bool = False
    literal: bool = False

    @property
    def fts(self) -> str:
        """The clause in FTS5's language."""
        return '"' + self.text.replace('"', '""') + '"' + ("*" if self.begins else "")


def parsed(text: str) -> list[list[Clause]]:
    """The alternatives of `text`, each a list of clauses that must all hold; empty for nothing to look for."""
    alternatives: list[list[Clause]] = [[]]
    for part in _PART.finditer(text):
        if part["alternative"]:
            alternatives.append([])
            continue
        word = part["phrase"] if part["phrase"] is not None else part["word"]
        clause = _clause(word, without=bool(part["without"]), quoted=part["phrase"] is not None)
        if clause:
            alternatives[-1].append(clause)
    return [clauses for clauses in alternatives if clauses]


def _clause(word: str, *, without: bool, quoted: bool) -> Clause | None:
    begins = not quoted and len(word) > 1 and word.endswith("*")
    bare = word if quoted else word.rstrip("*").strip("+()") or word
    if not bare.strip():
        return None
    literal = not _LETTER_OR_DIGIT.search(bare) or bool(_UNSPACED.search(bare))
    return Clause(text=bare, without=without, begins=begins and not literal, literal=literal)


def ranked(alternatives: list[list[Clause]], columns: list[str]) -> str | None:
    """All alternatives as one FTS5 expression over `columns`, so that hits can be ranked.

    None where FTS5 cannot say it: something literal, or an alternative that only excludes.
    """
    if any(clause.literal for clauses in alternatives for clause in clauses):
        return None
    said = []
    for clauses in alternatives:
        wanted = [clause.fts for clause in clauses if not clause.without]
        unwanted = [clause.fts for clause in clauses if clause.without]
        if not wanted:
            return None
        one = f"({' AND '.join(wanted)})"
        said.append(f"({one} NOT ({' OR '.join(unwanted)}))" if unwanted else one)
    return in_columns(" OR ".join(said), columns)


def in_columns(expression: str, columns: list[str]) -> str:
    """An FTS5 expression that looks into `columns` only."""
    return f"{{{' '.join(columns)}}} : ({expression})"
