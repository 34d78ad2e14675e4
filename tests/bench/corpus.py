"""A corpus for benchmarks: real texts, edits of some, and where that is not enough, real sentences in new company."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path


def shared_texts(folder: Path) -> Iterator[str]:
    """Instruction data, support questions, messages, reasoning, mails and chats of the public sets."""
    for path in sorted((folder / "sft_gpteacher").rglob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            yield f"{row['instruction']} {row.get('input', '')}\n{row['response']}"
    for path in sorted((folder / "support_banking77" / "banking_data").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row["text"] for row in csv.DictReader(file))
    for line in (folder / "dup_sms_spam" / "sms.tsv").read_text(encoding="utf-8").splitlines():
        yield line.partition("\t")[2]
    for path in sorted((folder / "sft_flan_cot").glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield line.replace("\\n", "\n").replace("\t", "\n")
    for path in sorted((folder / "mail_spamassassin").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                body = json.loads(line)["text"].partition("\n\n")[2]
                yield from stretches(body, 2_000)
    for line in (folder / "sft_openassistant_100" / "en_100_message.jsonl").read_text().splitlines():
        yield json.loads(line)["text"]


def machine_texts() -> Iterator[str]:
    """Python's standard library in stretches of about 700 characters."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        if "site-packages" not in path.parts:
            yield from stretches(path.read_text(encoding="utf-8", errors="replace"), 700)


def stretches(text: str, size: int) -> Iterator[str]:
    """The text cut at line ends into pieces of about `size` characters."""
    piece: list[str] = []
    length = 0
    for line in text.splitlines():
        piece.append(line)
        length += len(line) + 1
        if length >= size:
            yield "\n".join(piece)
            piece, length = [], 0
    if piece:
        yield "\n".join(piece)


def corpus(docs: int, folder: Path, rng: random.Random) -> list[str]:
    """`docs` texts in random order, a third of them edits: of J from about 0.6 to 1, some in large families."""
    real = [text for text in (*shared_texts(folder), *machine_texts()) if len(text) >= 20]
    rng.shuffle(real)
    originals = real[: docs * 2 // 3]
    sentences = [s for text in real for s in re.split(r"(?<=[.!?])\s+|\n", text) if len(s) > 30]
    while len(originals) < docs * 2 // 3:
        originals.append(" ".join(rng.choice(sentences) for _ in range(rng.randrange(6, 13))))
    sources = [text for text in rng.sample(originals, len(originals) // 2) if len(text.split()) >= 30]
    made: list[str] = []
    while len(originals) + len(made) < docs:
        source = rng.choice(sources)
        # Most texts have a few edits, some have dozens, as templates and campaigns do.
        for _ in range(min(int(rng.paretovariate(1.1)), 60, docs - len(originals) - len(made))):
            made.append(edited(source, rng.uniform(0.6, 1.0), rng))
    texts = originals + made
    rng.shuffle(texts)
    return texts


def edited(text: str, wanted: float, rng: random.Random) -> str:
    """Words replaced, left out or added, until about the wanted similarity is left; or case and spacing only."""
    words = text.split()
    if wanted > 0.98:
        return " ".join(words).upper() if rng.random() < 0.5 else "  ".join(words)
    for _ in range(max(1, round(len(words) * (1 - wanted) / (1 + wanted) / 5))):
        at, kind = rng.randrange(len(words)), rng.randrange(3)
        if kind == 0:
            words[at] = rng.choice(words)
        elif kind == 1 and len(words) > 10:
            del words[at]
        else:
            words.insert(at, rng.choice(words))
    return " ".join(words)
