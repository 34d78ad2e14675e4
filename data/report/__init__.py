"""Reports that a person reads offline: blocks of plain data, rendered as one HTML file and as JSON.

    table = Table(["check", "outcome"], [["QUA-001", Cell("", outcome="PASS")]])
    report = Report(title=..., outcome="PASS", summary=..., sections=[Section("quality", "Quality", "", [table])])
    paths = report.write("runs/audit/today", "audit")      # {"html": ..., "json": ...}

Charts come from `data.report.charts`, numbers in words from `data.report.wording`.
"""

from data.report.blocks import (
    Block,
    Callout,
    Cell,
    Chart,
    Commands,
    Details,
    Paragraph,
    Section,
    SideBySide,
    Table,
)
from data.report.document import Report
from data.report.outcomes import severity, worst

__all__ = [
    "Block",
    "Callout",
    "Cell",
    "Chart",
    "Commands",
    "Details",
    "Paragraph",
    "Report",
    "Section",
    "SideBySide",
    "Table",
    "severity",
    "worst",
]
