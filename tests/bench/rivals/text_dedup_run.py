"""text-dedup: its MinHash command as a function, in one process, over a data set in a temporary folder.

It splits at each `\\W`, so that two spaces make an empty word: it is given the words joined by one space. Hashes by its
faster xxh3; 9 bands of 13, its own choice; it checks no candidate. Writing the data set in and the kept texts out is
part of its work.
"""

import logging
import re
import tempfile
from typing import Any

import datasets
import pyarrow as pa
from measure import PERMUTATIONS, SHINGLE, THRESHOLD, main
from text_dedup import minhash
from text_dedup.utils import IOArgs, MetaArgs, MinHashArgs


def labels(texts: Any) -> list[int]:
    with tempfile.TemporaryDirectory() as place:
        # A text without a word stays alone.
        words = (" ".join(re.findall(r"\w+", text.lower())) for text in texts.to_pylist())
        plain = [text or str(row) for row, text in enumerate(words)]
        datasets.Dataset(pa.table({"text": plain})).save_to_disk(f"{place}/in")
        minhash.main.callback(
            io_args=IOArgs(path=f"{place}/in", output=f"{place}/out", local=True, num_proc=None),
            meta_args=MetaArgs(column="text"),
            minhash_args=MinHashArgs(
                ngram=SHINGLE, min_length=1, num_perm=PERMUTATIONS, threshold=THRESHOLD, hash_func="xxh3"
            ),
        )
    return [minhash.uf.find(row) for row in range(len(texts))]


if __name__ == "__main__":
    logging.getLogger("text_dedup").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    main(labels)
