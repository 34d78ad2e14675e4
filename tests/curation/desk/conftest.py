"""A real Argilla server for the tests of the desk: its own environment (made once), one server a session.

A server or an environment that cannot be made fails the tests; nothing is skipped.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[3]
# Made once and used again by later runs; ignored by git.
ENVIRONMENT = Path(os.environ.get("TUNEPROOF_DESK_ENV", ROOT / ".desk-venv"))
ANNOTATORS = ("ann", "ben", "cem", "dua", "eva", "fay")
C_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


def command(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m curation.desk WORDS` run to its end."""
    environment = {**os.environ, "TUNEPROOF_DESK_ENV": str(ENVIRONMENT), **variables}
    return subprocess.run(
        [sys.executable, "-m", "curation.desk", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def _end_with_the_tests() -> None:
    """Let the kernel send SIGTERM to this process once the tests have ended, as by a time limit of CI."""
    if C_LIBRARY is not None:
        C_LIBRARY.prctl(1, signal.SIGTERM)


@dataclass
class Desk:
    """A desk's home, the server on it once started, and plain REST to it.

    launcher   the process of `python -m curation.desk up`
    """

    home: Path
    launcher: subprocess.Popen[str] | None = None
    url: str = ""
    said: str = ""
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """The overrides that make any command of the desk use this home."""
        return [f"desk.home={self.home}", f"desk.annotators=[{','.join(ANNOTATORS)}]"]

    @property
    def users(self) -> dict[str, dict[str, str]]:
        """Name -> role, password, api_key."""
        return json.loads((self.home / "credentials.json").read_text())["users"]

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.home / "server.json").read_text())

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return command(*words, *self.keys, **variables)

    def up(self, *words: str) -> Desk:
        """Start the server in the foreground of another process and wait until it says that it is ready."""
        environment = {**os.environ, "TUNEPROOF_DESK_ENV": str(ENVIRONMENT), "PYTHONUNBUFFERED": "1"}
        self.launcher = subprocess.Popen(
            [sys.executable, "-m", "curation.desk", "up", "desk.port=0", *self.keys, *words],
            cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=_end_with_the_tests,  # noqa: PLW1509  it only calls what is loaded already
        )  # fmt: skip
        assert self.launcher.stdout is not None
        lines: list[str] = []
        for line in self.launcher.stdout:
            lines.append(line)
            if "Ctrl-C stops it" in line:
                break
        self.said = "".join(lines)
        assert self.launcher.poll() is None and lines and "Ctrl-C" in lines[-1], self.said
        self.url = self.state["url"]
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the launcher; its exit code."""
        self.close()
        if self.launcher is None:
            return 0
        self.launcher.send_signal(how)
        self.said += self.launcher.communicate(timeout=60)[0]
        assert self.launcher.stdout is None or self.launcher.stdout.closed
        return self.launcher.returncode

    def close(self) -> None:
        """End the connections; the next request makes new ones."""
        for client in self.clients.values():
            client.close()
        self.clients.clear()

    def as_user(self, name: str = "owner") -> httpx.Client:
        """A client that is logged in with the user's API key; paths begin after /api/v1/."""
        if name not in self.clients:
            self.clients[name] = httpx.Client(
                base_url=f"{self.url}/api/v1/",
                headers={"X-Argilla-Api-Key": self.users[name]["api_key"]},
                timeout=60,
                trust_env=False,
            )
        return self.clients[name]

    def ask(self, method: str, path: str, body: Any = None, *, user: str = "owner", **query: Any) -> Any:
        """One request; the JSON of the answer. Fails the test where the server refuses."""
        answer = self.as_user(user).request(method, path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def dataset(
        self,
        name: str,
        *,
        fields: tuple[str, ...] = ("text",),
        questions: list[dict[str, Any]] | None = None,
        metadata: dict[str, str] | None = None,
        vectors: dict[str, int] | None = None,
        overlap: int = 1,
    ) -> str:
        """Make and publish a dataset of text fields; its id. `metadata`: name -> terms, integer or float."""
        workspace = self.ask("GET", "me/workspaces")["items"][0]["id"]
        body = {"name": name, "workspace_id": workspace, "guidelines": "Read, then decide."}
        made = self.ask(
            "POST", "datasets", {**body, "distribution": {"strategy": "overlap", "min_submitted": overlap}}
        )["id"]
        for one in fields:
            kind = {"type": "text", "use_markdown": False}
            self.ask(
                "POST",
                f"datasets/{made}/fields",
                {"name": one, "title": one, "required": False, "settings": kind},
            )
        for question in questions or [KEEP]:
            self.ask("POST", f"datasets/{made}/questions", question)
        for one, kind in (metadata or {}).items():
            self.ask("POST", f"datasets/{made}/metadata-properties", {
                "name": one, "title": one, "settings": {"type": kind}, "visible_for_annotators": True,
            })  # fmt: skip
        for one, size in (vectors or {}).items():
            self.ask(
                "POST", f"datasets/{made}/vectors-settings", {"name": one, "title": one, "dimensions": size}
            )
        self.ask("PUT", f"datasets/{made}/publish")
        return str(made)

    def log(self, dataset: str, records: list[dict[str, Any]], *, step: int = 500) -> None:
        """Push records (fields, external_id, metadata, suggestions, vectors by name) in portions."""
        questions = {
            one["name"]: one["id"] for one in self.ask("GET", f"datasets/{dataset}/questions")["items"]
        }
        for start in range(0, len(records), step):
            items = [_by_id(record, questions) for record in records[start : start + step]]
            self.ask("PUT", f"datasets/{dataset}/records/bulk", {"items": items})

    def search(self, dataset: str, body: Any = None, *, user: str = "owner", **query: Any) -> Any:
        """Argilla's search route as `user`."""
        return self.ask("POST", f"me/datasets/{dataset}/records/search", body or {}, user=user, **query)

    def found(self, dataset: str, text: str, field: str | None = None, **query: Any) -> list[str]:
        """External ids of the records that a text search finds, best first."""
        asked = {"query": {"text": {"q": text, **({"field": field} if field else {})}}}
        return self.externals(self.search(dataset, asked, **query))

    @staticmethod
    def externals(found: dict[str, Any]) -> list[str]:
        """The external ids of a search's answer, in its order."""
        return [item["record"]["external_id"] for item in found["items"]]

    def answer(
        self, record: str, values: dict[str, Any], user: str, status: str = "submitted"
    ) -> dict[str, Any]:
        """Answer one record as `user`."""
        body = {"values": {name: {"value": value} for name, value in values.items()}, "status": status}
        return self.ask("POST", f"records/{record}/responses", body, user=user)

    def processes(self) -> list[int]:
        """The server on this home and its worker."""
        import psutil

        living = (one for one in psutil.process_iter(["cmdline", "status"]) if one.info["status"] != "zombie")
        return [
            one.pid
            for one in living
            if "inside" in str(one.info["cmdline"]) and str(self.home) in one.info["cmdline"]
        ]

    def left(self, seconds: float = 15) -> list[int]:
        """The processes on this home that are still there after so many seconds at most."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        return left


KEEP: dict[str, Any] = {
    "name": "verdict",
    "title": "Keep, fix or drop?",
    "required": True,
    "settings": {
        "type": "label_selection",
        "options": [{"value": value, "text": value} for value in ("keep", "fix", "drop")],
    },
}


def _by_id(record: dict[str, Any], questions: dict[str, str]) -> dict[str, Any]:
    """A record whose suggestions name their question by id."""
    suggestions = [
        {"question_id": questions[one["question"]], **one} for one in record.get("suggestions", [])
    ]
    return {**record, "suggestions": suggestions} if suggestions else record


@pytest.fixture(scope="session")
def desk_environment() -> Path:
    """The server's environment, made where it is absent (a minute or two, once)."""
    run = command("install")
    assert run.returncode == 0, run.stdout + run.stderr
    return ENVIRONMENT


@pytest.fixture(scope="session")
def desk(desk_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A running server with an owner and six annotators, for the whole session. Name your datasets yourself."""
    running = Desk(tmp_path_factory.mktemp("desk") / "home").up()
    yield running
    running.stop()
    assert not running.left()


@pytest.fixture
def new_desk(desk_environment: Path, tmp_path: Path) -> Iterator[Desk]:
    """A home without a server, for a test that starts and stops its own."""
    own = Desk(tmp_path / "home")
    yield own
    own.close()
    if own.launcher and own.launcher.poll() is None:
        own.stop(signal.SIGKILL)
    if own.launcher and own.launcher.stdout:
        own.launcher.stdout.close()
    assert not own.left()


def browser_path() -> str:
    """Chromium; without one the test fails."""
    found = os.environ.get("TUNEPROOF_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert found, (
        "the labelling page is tested in Chromium: apt-get install chromium, or name one in TUNEPROOF_CHROMIUM"
    )
    return found


@pytest.fixture
def page() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=switches)
        shown = browser.new_page(viewport={"width": 1280, "height": 720})
        shown.set_default_timeout(60_000)
        yield shown
        browser.close()
