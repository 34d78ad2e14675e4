"""A folder with a model that a user names: whether it holds one, and what its card says of the licence."""

from __future__ import annotations

import json
import re
from pathlib import Path

from data.errors import ConfigError


def check_holds_model(given: str, path: Path) -> None:
    """Raise ConfigError where `path`, which a user gave as `given`, is no folder of a model that can be read."""
    where = f"model.path={given}"
    if not (path / "config.json").is_file():
        adapter = "it holds an adapter: write the whole model by python -m train export=RUN out=FOLDER, and name that"
        raise ConfigError(
            f"{where} holds no config.json, so it is no model directory",
            adapter
            if (path / "adapter_config.json").is_file()
            else "it needs what `save_pretrained` writes: config.json, tokenizer.json and *.safetensors",
        )
    try:
        described = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{where}: its config.json is no JSON ({error})", "copy the model again") from None
    from transformers import CONFIG_MAPPING

    kind = described.get("model_type") if isinstance(described, dict) else None
    if kind not in CONFIG_MAPPING:
        raise ConfigError(
            f"{where}: transformers knows no model of the kind {kind!r}, which its config.json names",
            "another model, or the versions of constraints.txt: pip install -c constraints.txt -e '.[train]'",
        )


def check_weights(given: str, path: Path) -> None:
    """Raise ConfigError where the folder `path`, given as `given`, does not hold all weights of its model."""
    if is_whole(path) or any(path.glob("*.bin")):
        return
    gone = [name for name in _indexed(path) if not (path / name).is_file()]
    what = f"lacks weights that its index names: {', '.join(gone[:3])}" if gone else "holds no weights"
    raise ConfigError(
        f"model.path={given} {what}",
        "a training needs *.safetensors beside config.json: copy the whole folder",
        "plan=true needs none: it forecasts by config.json and the tokenizer",
    )


def is_whole(path: Path) -> bool:
    """Whether all weights of the model in `path` are there as safetensors."""
    names = _indexed(path)
    return all((path / name).is_file() for name in names) if names else any(path.glob("*.safetensors"))


def _indexed(path: Path) -> list[str]:
    """The files of weights that the index of a model in several parts names; none without an index."""
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return []
    return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))


def stated_licence(folder: Path) -> str | None:
    """The licence that a model's card (README.md) names in its head, in the hub's spelling (`apache-2.0`)."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    head = _head(card.read_text(encoding="utf-8", errors="replace"))
    # A licence of one's own is written as `license: other` and `license_name: ...`.
    named: list[str] = re.findall(r"(?m)^license(?:_name)?:[ \t]*([\w.-]+)", head)
    return next((name for name in named if name != "other"), None)


def _head(card: str) -> str:
    """What stands between the two lines of dashes at the top."""
    parts = re.split(r"(?m)^---[ \t]*$", card, maxsplit=2)
    return parts[1] if len(parts) == 3 and not parts[0].strip() else ""
