"""The items shown: most lost, most gained, and drawn ones, none twice, the same for the same seed."""

from __future__ import annotations

from eval.config import BootstrapConfig
from eval.items import Item, Slice
from eval.samples import choose
from eval.scores import score

ITEMS = Slice("test", "made here", [Item(str(n), [], ["a b c d"]) for n in range(20)])
BASE = ["a b c d" if n < 3 else "a b x y" for n in range(20)]
TUNED = ["x y z w" if n < 3 else "a b c d" if n > 15 else "a b x y" for n in range(20)]
CONFIG = BootstrapConfig(resamples=200)


def test_lost_gained_and_drawn() -> None:
    scored = score(ITEMS, {"base": BASE, "tuned": TUNED}, ["bleu", "rouge_l"], CONFIG)
    found = choose(scored, 3, seed=1)
    by_why = {
        why: [s.position for s in found if s.why == why]
        for why in ("lost most", "gained most", "drawn by seed")
    }
    assert by_why["lost most"] == [0, 1, 2] and set(by_why["gained most"]) <= {16, 17, 18, 19}
    assert len({sample.position for sample in found}) == 9
    assert found == choose(scored, 3, seed=1) != choose(scored, 3, seed=2)
    assert choose(scored, 0, seed=1) == []


def test_one_system_is_ranked_by_its_own_score() -> None:
    scored = score(ITEMS, {"prediction": TUNED}, ["rouge_l"], CONFIG)
    whys = {sample.why: sample.position for sample in choose(scored, 1, seed=1)}
    assert whys["lowest"] in (0, 1, 2) and whys["highest"] >= 16
