"""Which server the desk talks to, and with which key."""

from __future__ import annotations

import http.client
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from curation.desk.config import DeskConfig
from curation.desk.server.home import Home
from data.errors import UserError

KEYS = ("TUNEPROOF_DESK_KEY", "ARGILLA_API_KEY")


@dataclass(frozen=True, slots=True)
class Reach:
    """An Argilla server: `url` without a slash at its end, and the API key of an owner or admin."""

    url: str
    api_key: str


def reach(desk: DeskConfig) -> Reach:
    """The server at `desk.url` with the key of the environment, else the one that runs on `desk.home`.

    Raises UserError where no key is set, or no server runs.
    """
    if desk.url:
        key = next((os.environ[name] for name in KEYS if os.environ.get(name)), "")
        if not key:
            raise UserError(
                f"no API key for {desk.url}",
                f"put it into the environment: export {KEYS[0]}=... (Argilla's page shows it under My settings)",
            )
        return Reach(desk.url.rstrip("/"), key)
    home = Home.of(desk)
    state = home.read_state()
    if not home.is_served() or "url" not in state:
        raise UserError(
            f"no labelling server runs on {home.folder}",
            "start it: python -m curation.desk up",
            "or name another Argilla server: desk.url=https://... with its API key in TUNEPROOF_DESK_KEY",
        )
    users = home.read_credentials().get("users", {})
    owners = [user for name, user in users.items() if user.get("role") == "owner" or name == desk.owner]
    if not owners:
        raise UserError(
            f"{home.credentials} holds no owner", "start the server again: python -m curation.desk up"
        )
    return Reach(str(state["url"]), str(owners[0]["api_key"]))


def answers(url: str, timeout_seconds: float = 2) -> bool:
    """Whether an Argilla server answers at `url`. No proxy is asked."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_seconds)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/api/v1/version")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
