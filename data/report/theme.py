"""How every chart of the project looks, and a chart as SVG or PNG without a network or a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# After Okabe & Ito 2008, "Color Universal Design": told apart with every common form of colour blindness.
BLUE, VERMILION, GREEN, AMBER, SKY, PURPLE = "#0067a5", "#c8501e", "#00805f", "#b97d00", "#4ba3d4", "#a5568c"
INK, MUTED, RULE, PALE = "#1d2733", "#5c6875", "#dfe4ea", "#c3ccd6"
SERIES = [BLUE, VERMILION, GREEN, AMBER, PURPLE, SKY]
FONT = (
    "Roboto, 'Segoe UI', Helvetica, Arial, sans-serif"  # vl-convert carries Roboto: it measures texts with it
)

THEME: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "padding": 4,
    "axis": {
        "labelColor": MUTED,
        "labelFontSize": 12,
        "labelLimit": 300,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "gridColor": RULE,
        "domainColor": PALE,
        "tickColor": PALE,
    },
    "axisY": {"domain": False, "ticks": False, "labelPadding": 8},
    "header": {"labelColor": INK, "labelFontSize": 12, "titleColor": MUTED},
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "orient": "top",
        "symbolType": "square",
        "offset": 6,
    },
    "range": {"category": SERIES},
    "bar": {"color": BLUE},
    "line": {"strokeWidth": 2},
    "text": {"color": INK, "fontSize": 12},
    "title": {"color": INK, "fontSize": 14, "anchor": "start"},
}


def to_svg(chart: Any) -> str:
    """An altair chart as SVG text; the same chart gives the same bytes."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_dict(), config=THEME))


def to_png(chart: Any, *, scale: float = 2.0) -> bytes:
    """An altair chart as a PNG on white; `scale` 2 doubles the pixels."""
    import vl_convert

    drawn = vl_convert.vegalite_to_png(chart.to_dict(), config={**THEME, "background": "white"}, scale=scale)
    return bytes(drawn)


def save(chart: Any, path: str | Path) -> Path:
    """Write `chart` to `path`, whose suffix is .svg or .png; the folder is made if absent."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".png":
        target.write_bytes(to_png(chart))
    elif target.suffix == ".svg":
        target.write_text(to_svg(chart), encoding="utf-8", newline="\n")
    else:
        raise ValueError(f"a chart is saved as .svg or .png, not as {target.suffix!r}")
    return target
