"""Whether a version was cleared of personal data, and the plain refusal of one that was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.errors import StoreError
from data.versions import Version

if TYPE_CHECKING:
    from data.store import Store

STAGE = "pii"


def scrubbed(lineage: Sequence[Version]) -> bool:
    """Whether a step of the lineage replaced personal data. One that only tags (pii.operator=tag) left it there."""
    return any(v.stage == STAGE and v.config.get("operator") != "tag" for v in lineage)


def demand_scrubbed(store: Store, version: str, *, what: str, allow: bool, override: str) -> None:
    """Refuse a version with its personal data in it, for everything that takes texts out of the store.

    `what` is the verb of the hint ("export"), `override` the way to `allow` it by name. Raises StoreError.
    """
    resolved = store.resolve(version)
    if allow or scrubbed(store.lineage(resolved)):
        return
    raise StoreError(
        f"{resolved} was not scrubbed of personal data (no pii stage in its history replaced any)",
        f"scrub it first: python -m curation ... pii=presidio   or {what} it all the same: {override}",
    )
