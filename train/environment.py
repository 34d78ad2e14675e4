"""What computed a run: packages and hardware, as far as they can change a result."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from data.errors import MissingPackage
from train.processes import count

_PACKAGES = (
    "tuneproof", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors",
    "numpy",
)  # fmt: skip


def check_trackers(names: Sequence[str]) -> None:
    """Raise MissingPackage for a tracker that is not installed; before anything is computed."""
    for name in names:
        if name != "none" and find_spec(name) is None:
            raise MissingPackage(
                f"report_to={name}: the package {name} is not installed",
                f"pip install -c constraints.txt -e '.[{name.removesuffix('_ml')}]'; or report_to=[none]",
            )


def packages() -> dict[str, str]:
    """Name -> version of Python and of each installed package that takes part."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores, memory, threads and GPU; nothing that names the machine."""
    import psutil
    import torch

    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if count() > 1:
        found["processes"] = count()
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found |= {"gpu": properties.name, "gpu_memory_gib": round(properties.total_memory / 1024**3, 1)}
    return found


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
