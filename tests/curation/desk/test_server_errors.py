"""Mistakes around the server: each says what is wrong and what to do next, and leaves everything as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from curation.desk.config import DeskConfig
from curation.desk.server import environment
from curation.desk.server.reach import reach
from curation.desk.verbs import overrides
from data.commands import spelt
from data.errors import UserError

ROOT = Path(__file__).parents[3]


def refused(run, *said: str) -> None:
    assert run.returncode == 2, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    for part in said:
        assert part in run.stderr


def test_a_taken_port(new_desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(
            new_desk.run("up", f"desk.port={port}"),
            f"desk.port={port} on 127.0.0.1: is taken",
            "desk.port=6901",
        )
    refused(new_desk.run("up", "desk.host=no.such.host.invalid"), "no such address", "desk.host=127.0.0.1")


def test_no_redis_at_the_given_address(new_desk) -> None:
    run = new_desk.run("up", "desk.port=0", "desk.redis=redis://user:secret@127.0.0.1:1/0")
    refused(run, "no Redis at redis://127.0.0.1:1")
    assert "secret" not in run.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("credentials.json", "{", ["credentials.json is damaged", "rm "]),
        ("credentials.json", '{"users": []}', ["credentials.json is damaged"]),
        ("argilla.db", "this is no database at all, " * 50, ["argilla.db cannot be read", "restore FILE"]),
    ],
)
def test_a_damaged_home(new_desk, name: str, content: str, said: list[str]) -> None:
    new_desk.home.mkdir()
    (new_desk.home / name).write_text(content)
    refused(new_desk.run("up", "desk.port=0"), *said)
    assert (new_desk.home / name).read_text() == content


def test_a_database_of_something_else(new_desk) -> None:
    new_desk.home.mkdir()
    with sqlite3.connect(new_desk.home / "argilla.db") as other:
        other.execute("CREATE TABLE records (id, mine)")
    other.close()
    refused(new_desk.run("up", "desk.port=0"), "could not start", "server.log")


def test_a_home_that_cannot_be_a_folder(desk_environment, new_desk, tmp_path) -> None:
    (tmp_path / "home").write_text("a file")
    refused(
        new_desk.run("up"),
        f"cannot write {tmp_path / 'home'}: ",
        "is a file, not a folder",
        "desk.home=FOLDER",
    )


def script(path: Path, said: str) -> str:
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o755)
    return str(path)


def test_pythons_that_will_not_do(tmp_path, new_desk) -> None:
    elsewhere = {"TUNEPROOF_DESK_ENV": str(tmp_path / "environment")}
    old = script(tmp_path / "python3.8", "3 8")
    refused(new_desk.run("install", f"desk.python={old}", **elsewhere), "is Python 3.8", "desk.python=")
    refused(
        new_desk.run("install", "desk.python=/bin/true", **elsewhere), "that is no Python", "3.11 to 3.13"
    )
    lame = script(tmp_path / "python3.11", "3 11")
    Path(lame).write_text(
        Path(lame).read_text() + '[ "$2" = venv ] && { echo no ensurepip; exit 1; }; exit 0\n'
    )
    refused(
        new_desk.run("install", f"desk.python={lame}", **elsewhere),
        "no ensurepip",
        "apt install python3-venv",
    )
    (tmp_path / "environment").mkdir(exist_ok=True)
    (tmp_path / "environment" / "letter.txt").write_text("mine")
    refused(new_desk.run("install", **elsewhere), "holds something else", "desk.environment=FOLDER")
    assert (tmp_path / "environment" / "letter.txt").read_text() == "mine"


def test_a_full_disk(tmp_path, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 10**10, 5 * 10**6))
    with pytest.raises(UserError, match="5 MB are free"):
        environment.ready(DeskConfig(environment=str(tmp_path / "environment")))


def test_the_environment_is_named_after_its_lock(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    place = environment.folder(DeskConfig())
    assert place.parent == tmp_path / "tuneproof"
    monkeypatch.setattr(environment, "LOCK", tmp_path / "other.txt")
    (tmp_path / "other.txt").write_text("argilla-server==9\n")
    assert environment.folder(DeskConfig()) != place


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which verb?"),
        (["desk.port=1"], "which verb?"),
        (["pusch"], "did you mean 'push'"),
        (["backup"], "backup needs a file"),
        (["up", "now"], "up takes no word 'now'"),
        (["backup", "a", "b"], "backup takes no word 'b'"),
    ],
)
def test_verbs(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")) as caught:
        overrides(words)
    if "verb" in said or "did" in said:
        assert "adjudicate" in str(caught.value)


def test_a_file_name_reaches_the_command_as_it_is(new_desk) -> None:
    name = "it's a \\ [name], {with} = all.backup"
    refused(new_desk.run("restore", name), f"{name}: no such file")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("desk.port=70000", "desk.port=70000"),
        ("desk.annotators=[owner]", "'owner' stands there twice"),
        ("desk.annotators=[a b]", "'a b' is no name for Argilla"),
        ("desk.url=desk.example.org", "begins with http://"),
        ("desk.redis=127.0.0.1", "begins with redis://"),
        ("desk.wait_seconds=0", "desk.wait_seconds"),
        ("desk.hoem=x", "did you mean 'home'"),
    ],
)
def test_settings(new_desk, override: str, said: str) -> None:
    from conf.app import compose
    from conf.messages import explained
    from curation.desk.config import DeskCommand

    try:
        compose("desk", DeskCommand, [override])
    except UserError as error:
        problem = str(error)
    except Exception as error:
        problem = str(explained(error, "desk", DeskCommand))
    assert said in problem


def test_another_server_needs_a_key_and_no_server_is_said(monkeypatch, tmp_path) -> None:
    for name in ("TUNEPROOF_DESK_KEY", "ARGILLA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="TUNEPROOF_DESK_KEY"):
        reach(DeskConfig(url="https://argilla.example.org/"))
    monkeypatch.setenv("ARGILLA_API_KEY", "second")
    assert reach(DeskConfig(url="https://argilla.example.org/")).api_key == "second"
    monkeypatch.setenv("TUNEPROOF_DESK_KEY", "first")
    reached = reach(DeskConfig(url="https://argilla.example.org/"))
    assert (reached.url, reached.api_key) == ("https://argilla.example.org", "first")
    with pytest.raises(UserError, match=r"python -m curation\.desk up"):
        reach(DeskConfig(home=str(tmp_path)))


def test_the_running_server_is_reached_with_its_owners_key(desk) -> None:
    reached = reach(DeskConfig(home=str(desk.home)))
    assert (reached.url, reached.api_key) == (desk.url, desk.users["owner"]["api_key"])


def test_the_console_script_speaks_its_own_language(tmp_path) -> None:
    code = "import sys; sys.argv = ['tuneproof', 'desk', *sys.argv[1:]]; from conf.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "pusch"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    refused(run, "no such verb: pusch", "did you mean 'push'")
    assert spelt("python -m curation.desk up; python -m curation x=1", "s.duckdb") == (
        "python -m curation.desk up store.path=s.duckdb; python -m curation store.path=s.duckdb x=1"
    )


def test_the_lock_names_every_version() -> None:
    lines = [line for line in environment.LOCK.read_text().splitlines() if line and line[0] != "#"]
    names = {line.partition("==")[0].lower(): line.partition("==")[2] for line in lines}
    assert len(names) == len(lines) > 80
    assert all(names.values())
    assert names["argilla-server"] == "2.8.0"
    assert names["click"].startswith("8.1.")  # 8.2 breaks every command of Argilla's


@pytest.mark.slow
def test_an_interrupted_installation_goes_on(tmp_path) -> None:
    place = tmp_path / "environment"
    keys = [sys.executable, "-m", "curation.desk", "install", f"desk.environment={place}"]
    first = subprocess.Popen(
        keys, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 300
    while len(list(place.rglob("*.dist-info"))) < 12 and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (place / ".made").exists()
    second = subprocess.run(keys, cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    asked = [
        place / "bin" / "python",
        "-I",
        "-c",
        "import fakeredis, uvicorn, alembic, fastapi, datasets, rq",
    ]
    assert subprocess.run(asked, check=False).returncode == 0
    checked = subprocess.run(
        [place / "bin" / "python", "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
