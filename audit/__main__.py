"""`python -m audit`: checks of a version, each a stored fact, and the report."""

from __future__ import annotations

from audit.config import AuditConfig
from conf.app import main


def run(config: AuditConfig) -> int:
    """Run the checks, store the facts, write the report. 0, or 10 where `fail_on` says so."""
    from audit.running import audit

    return audit(config)


if __name__ == "__main__":
    main("audit", AuditConfig, run)
