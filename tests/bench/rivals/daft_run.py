"""daft: its `minhash` expression; it has no LSH or clusters, so bands, check and clusters are numpy's and ours.

Words are daft's (`\\W+` of the lower-cased text to a space, in Rust's regex); bands as datasketch and daft's own
tutorial choose them, 9 of 13; candidates are checked by the estimated similarity.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import daft
import numpy as np
import pyarrow as pa
from daft.functions import lower, minhash, regexp_replace
from measure import PERMUTATIONS, SHINGLE, THRESHOLD, components, main

BANDS, ROWS = 9, 13


def labels(texts: Any) -> list[int]:
    words = regexp_replace(lower(daft.col("text")), r"\W+", " ")
    words = regexp_replace(words, r"^ | $", "")
    frame = daft.from_arrow(pa.table({"text": texts})).select(words.alias("words"))
    sketch = minhash(
        daft.col("words"), num_hashes=PERMUTATIONS, ngram_size=SHINGLE, hash_function="xxhash3_64"
    )
    made = frame.select(sketch.alias("sketch"), (daft.col("words") == "").alias("empty")).to_arrow()
    flat = made["sketch"].combine_chunks().flatten()
    sketches = flat.to_numpy(zero_copy_only=False).reshape(len(texts), PERMUTATIONS)
    full = np.flatnonzero(~made["empty"].to_numpy())

    def pairs() -> Iterator[tuple[int, int]]:
        for band in range(BANDS):
            part = np.ascontiguousarray(sketches[full, band * ROWS : (band + 1) * ROWS])
            keys = part.view(f"V{part.itemsize * ROWS}").ravel()
            _, which, sizes = np.unique(keys, return_inverse=True, return_counts=True)
            rows = full[np.argsort(which, kind="stable")]
            ends = np.cumsum(sizes)
            for place in np.flatnonzero(sizes > 1):
                group = rows[ends[place] - sizes[place] : ends[place]].tolist()
                yield from combinations(group, 2)

    def similar(a: int, b: int) -> bool:
        return np.count_nonzero(sketches[a] == sketches[b]) >= THRESHOLD * PERMUTATIONS

    return components(len(texts), pairs(), similar)


if __name__ == "__main__":
    daft.set_runner_native(num_threads=1)
    main(labels)
