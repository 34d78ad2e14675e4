"""Old texts that may be like a new one, told from packed sketches."""

import numpy as np
import pytest

from curation.dedup.sketch import Sketch, sharing


def sketches(rng: np.random.Generator, texts: int, bands: int, values: int) -> Sketch:
    """Sketches whose keys are of `values` different ones, so that some are shared."""
    keys = rng.integers(0, values, (texts, bands), np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    whole = rng.integers(0, values, (texts, 2), np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    return Sketch(keys, whole, rng.integers(0, 3, texts).astype(np.int32))


@pytest.mark.parametrize("bands", [1, 21])
@pytest.mark.parametrize("new_texts", [0, 1, 300])
def test_rows_that_share_a_key_in_its_place_are_found_and_no_others(bands: int, new_texts: int) -> None:
    rng = np.random.default_rng(7)
    new, old = (sketches(rng, texts, bands, 40_000) for texts in (new_texts, 5_000))
    same = (old.keys[:, None] == new.keys[None]).any(axis=(1, 2)) if new_texts else np.zeros(5_000, bool)
    same |= np.isin(old.whole[:, 0], new.whole[:, 0])
    found = sharing(new)(old.packed())
    assert (found == (same & (old.words > 0))).all()
    assert new_texts < 300 or 0 < found.sum() < len(found)
