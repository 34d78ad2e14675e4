"""Every kind of chart renders offline, to SVG and PNG, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.report import charts, theme

GROUPS: list[dict[str, Any]] = [
    {"name": "young", "value": 0.4, "low": 0.35, "high": 0.45, "n": 400, "reference": 0.5},
    {"name": "old", "value": None, "low": None, "high": None, "n": 3, "reference": 0.5},
]
SCORES = [
    {"name": name, "series": series, "value": value, "low": value - 1, "high": value + 1}
    for name, base, tuned in [("BLEU", 11.0, 58.0), ("chrF", 30.0, 66.0)]
    for series, value in [("base", base), ("tuned", tuned)]
]
CURVE = [
    {"x": x, "y": 3 / (x + 1), "series": series} for x in range(5) for series in ("training", "validation")
]
STAGES = [{"stage": "exact", "rows_in": 1000, "removed": 70}]


def drawn(kind: str) -> Any:
    return {
        "waterfall": lambda: charts.waterfall(STAGES),
        "dots": lambda: charts.dots(
            GROUPS, title="share of rows", reference=0.05, reference_field="reference", domain=(0, 1)
        ),
        "compare": lambda: charts.compare(SCORES, title="score"),
        "histogram": lambda: charts.histogram([1.0, 2.0, 2.5, 9.0], title="tokens", bins=4, mark=8),
        "line": lambda: charts.line(CURVE, x_title="step", y_title="loss", marks={"best": 3}, log=True),
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("waterfall", "930   −70"),
        ("dots", "young  (n = 400)"),
        ("compare", "tuned"),
        ("histogram", "tokens"),
        ("line", "validation"),
    ],
)
def test_a_chart_says_what_it_shows_and_repeats(kind: str, words: str) -> None:
    first = theme.to_svg(drawn(kind))
    assert first.startswith("<svg")
    assert words in first
    assert first == theme.to_svg(drawn(kind))


def test_a_group_without_a_value_is_not_drawn_as_zero() -> None:
    assert "old" not in theme.to_svg(drawn("dots"))


def test_save_writes_what_the_suffix_says(tmp_path: Path) -> None:
    chart = drawn("line")
    assert charts.save(chart, tmp_path / "new" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert charts.save(chart, tmp_path / "loss.svg").read_text().startswith("<svg")
    with pytest.raises(ValueError, match=r"not as '\.gif'"):
        charts.save(chart, tmp_path / "loss.gif")


def test_a_level_curve_is_drawn_at_its_height() -> None:
    level = [{"x": number, "y": 1 / 3, "series": "trial"} for number in (1, 2, 3)]
    low, high = charts.line(level, x_title="trial", y_title="accuracy").to_dict()["layer"][0]["encoding"][
        "y"
    ]["scale"]["domain"]
    assert 0 < low < 1 / 3 < high < 1
