"""The vault that a command of `python -m data` asks: the one that was named, that lies beside the store, or that
curation named."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import UserError, VaultError
from data.key import load_key
from data.places import vaults
from data.store import Store
from data.vault import RESTORE, WAY, Vault, default_vault

# A key that is made now opens nothing that was sealed before.
OWN_KEY = "wanted is the key with which the vault was made; if it is lost, restore it from its copy"


def vault_path(options: Namespace) -> Path:
    """The vault that was named, else the place beside the store."""
    return Path(options.vault).expanduser() if options.vault else default_vault(options.store)


@contextmanager
def opened(options: Namespace) -> Iterator[Vault]:
    """The vault that was named, or lies beside the store, or was named in the last curation that used one.

    Raises VaultError where it is not there, and UserError without its key.
    """
    path = vault_path(options)
    if not options.vault and not path.is_file() and Path(options.store).expanduser().is_file():
        with Store.open(options.store, read_only=True) as store:
            known = list(vaults(store).values())
        path = next((file for file in reversed(known) if file.is_file()), known[-1] if known else path)
    with _opened(path, options) as vault:
        yield vault


@contextmanager
def opened_if_there(options: Namespace) -> Iterator[Vault | None]:
    """As `opened`; None where none was named and none is there.

    Raises UserError where originals of the store are in another vault too: one alone would miss some of them.
    """
    path = vault_path(options)
    known: dict[str, Path] = {}
    if not options.vault:
        with Store.open(options.store, read_only=True) as store:
            known = {vault: file for vault, file in vaults(store).items() if file.is_file()}
        if not path.is_file() and not known:
            yield None
            return
        if not path.is_file():
            path = list(known.values())[-1]
    with _opened(path, options) as vault:
        others = [
            file for name, file in known.items() if name != vault.id and file.resolve() != path.resolve()
        ]
        if others:
            raise UserError(
                f"originals of this store are in {len(others) + 1} vaults: {', '.join(map(str, [path, *others]))}",
                "ask with each of them: --vault FILE",
            )
        yield vault


def _opened(path: Path, options: Namespace) -> Vault:
    if not path.is_file():
        # Not that of `Vault.open`, which says how to make one: a new vault holds nothing of what is asked for.
        raise VaultError(f"there is no vault at {path}", WAY, RESTORE)
    return Vault.open(path, load_key(options.key_file, else_do=OWN_KEY))
