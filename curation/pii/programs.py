"""Where a text is program code: there a model sees persons in `arr` and `endl`, and places in `Node`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.pii.finding import CODE_BLOCK, Finding
from curation.pii.junk import is_private, of_nobodys_host
from curation.pii.wordlists import given_names, ordinary_words

# Of the lines with letters; from this share on the rest of the text (the question, a comment) is about code too.
MOSTLY = 0.4
FEWEST_LINES = 2
SURE_SCORE = 0.9  # of the BERT model, which reads names in quotes well
_LINE = re.compile(r"[^\n]*[^\W\d_][^\n]*")
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*[}\])]|\w\(.*\)\s*[:;{,)]?\s*$|::|->|=>|==|!=|<=|\+=|\+\+|&&|\|\||\w\s=\s\S|</?\w+[^>]*>|^\s*#\s?(?:include|define|!)"
    r"|^\s*(?:def|class|import|from\s+\S+\s+import|public|private|protected|static|const|let|var|function|return|echo|print\w*|if"
    r"|elif|else|for|while|switch|case|try|catch|except|using|namespace|package|struct|enum|func|fn|use|SELECT|INSERT|UPDATE|DELETE"
    r"|CREATE|FROM|WHERE|EXPOSE|RUN|sudo|npm|pip|git|docker)\b[^.?!]*[\w(){}:;=<>\[\]\"'`]\s*$"
    r"|^\s*(?:do|done|fi|then|esac|end|begin|try:|else:?)\s*$|\$[\w({]|^#!|^\s*for\s.+\sin\s"
    r"|^\s*[\[{(].*[\]})],?\s*$|\"\w+\"\s*:|^\s*//|^\s*\$|\w\[\w*\]|\w\.\w+\("
)  # fmt: skip
_PROSE = re.compile(r"^\W*[A-Z][^{}();=<>]*[a-z][^{}();=<>]* [^{}();=<>]* [^{}();=<>]*[.?!]\W*$")
_NAME = re.compile(r"[^\W\d_]+")
_NAMES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP"})
# A bare number in code is a number, whatever a model takes it for; in quotes it may be data.
_NUMBERS = frozenset(
    {
        "AGE",
        "ZIP_CODE",
        "NATIONAL_ID",
        "US_BANK_NUMBER",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        "PHONE_NUMBER",
        "STREET_ADDRESS",
    }
)
QUOTES = ("'", '"', "`")
_ADDRESSES = frozenset({"URL", "EMAIL_ADDRESS", "IP_ADDRESS"})
_POINTS_AT_SOMEBODY = re.compile(r"[@~]")  # in a web address


def without_identifiers(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings, less those in code that are identifiers, numbers or examples."""
    if not any(f.type in _NAMES or f.type in _NUMBERS or f.type in _ADDRESSES for f in findings):
        return list(findings)
    ranges = code_ranges(text)
    return [f for f in findings if not _inside(f, ranges) or _is_data(text, f)]


def code_ranges(text: str) -> list[tuple[int, int]]:
    """Stretches [start, end) of code: blocks between backquotes, lines that look like it, or everything."""
    blocks = [match.span() for match in CODE_BLOCK.finditer(text)] if "```" in text else []
    lines = [match.span() for match in _LINE.finditer(text)]
    code = [(a, b) for a, b in lines if _CODE_LINE.search(text, a, b) and not _PROSE.match(text, a, b)]
    if len(code) >= FEWEST_LINES and len(code) >= MOSTLY * len(lines):
        return [(0, len(text))]
    return blocks + code


def _inside(finding: Finding, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(a <= finding.start < b for a, b in ranges)


def _is_data(text: str, finding: Finding) -> bool:
    """Names by first and last name, numbers in quotes, addresses that are somebody's.

    Places, groups, lone first names and services that a program calls point at nobody.
    """
    value = text[finding.start : finding.end]
    if finding.type == "URL":
        return bool(_POINTS_AT_SOMEBODY.search(value))
    if finding.type == "EMAIL_ADDRESS":
        return not of_nobodys_host(value.rpartition("@")[2])
    if finding.type == "IP_ADDRESS":
        return not is_private(value)
    if finding.type == "PERSON":
        words = [word.lower() for word in _NAME.findall(value)]
        named = any(word in given_names() and word not in ordinary_words() for word in words)
        return len(words) > 1 and not value.islower() and (named or finding.score >= SURE_SCORE)
    if finding.type in _NUMBERS:
        bare = value.replace(".", "").isdigit()
        return not bare or text[max(0, finding.start - 1) : finding.start] in QUOTES
    return finding.type not in _NAMES
