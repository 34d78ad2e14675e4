"""The model that tells languages apart, loaded once for every stage that asks it."""

from __future__ import annotations

from functools import cache
from typing import Any

from data.errors import MissingPackage


@cache
def identifier() -> Any:
    """py3langid's identifier, whose model lies in its wheel; probabilities are normalised."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "languages are told apart by the package py3langid, which is not installed",
            "pip install 'tuneproof[curation]', or quality.families.language=off",
        ) from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
