"""Starting and ending the real server: nothing is left running, whoever ends it and however."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest


def login(desk, name: str, password: str) -> int:
    """The status of a login with a password, as Argilla's page does it."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(
            f"{desk.url}/api/v1/token", data={"username": name, "password": password}
        ).status_code


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def redis(desk_environment: Path) -> Iterator[str]:
    """The address of a Redis in another process."""
    code = "import fakeredis; s = fakeredis.TcpFakeServer(('127.0.0.1', 0)); print(s.server_address[1], flush=True); "
    with subprocess.Popen(
        [desk_environment / "bin" / "python", "-c", code + "s.serve_forever()"],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield f"redis://127.0.0.1:{server.stdout.readline().strip()}/0"
        server.kill()


def test_a_whole_life(new_desk, redis) -> None:
    home = new_desk.home
    home.mkdir()
    (home / "argilla.db.new").write_bytes(b"half a database of a start that was interrupted")

    # The first start makes users with passwords of their own; Ctrl-C ends it.
    new_desk.up()
    users = new_desk.users
    for name, user in users.items():
        assert user["password"] in new_desk.said
        assert user["role"] == ("owner" if name == "owner" else "annotator")
    assert len({user["password"] for user in users.values()}) == len(users)
    assert (mode(home), mode(home / "credentials.json"), mode(home / "argilla.db")) == (0o700, 0o600, 0o600)
    assert login(new_desk, "ann", users["ann"]["password"]) in (200, 201)
    assert login(new_desk, "ann", users["ben"]["password"]) == 401
    assert login(new_desk, "owner", "12345678") == login(new_desk, "argilla", "1234") == 401
    server = psutil.Process(new_desk.state["pid"])
    assert {one.laddr.ip for one in server.net_connections() if one.status == "LISTEN"} == {"127.0.0.1"}
    assert not any(user["password"] in " ".join(server.cmdline()) for user in users.values())
    assert not any(user["password"] in str(server.environ()) for user in users.values())
    dataset = new_desk.dataset("kept")
    new_desk.log(dataset, [{"external_id": "r1", "fields": {"text": "kept over all ends"}}])
    new_desk.answer(new_desk.search(dataset)["items"][0]["record"]["id"], {"verdict": "keep"}, "ann")
    assert len(new_desk.processes()) == 2  # the server and its worker
    assert new_desk.stop(signal.SIGINT) == 0
    assert "every answer is kept" in new_desk.said
    assert not new_desk.left()

    # The second start shows no old password, and does what was put off when the first one ended: here the status of
    # a record. kill -9 of the launcher ends server and worker too.
    with closing(sqlite3.connect(home / "argilla.db")) as database, database:
        database.execute("UPDATE records SET status = 'pending'")
    new_desk.up("desk.annotators=[ann,gus]")
    assert users["ann"]["password"] not in new_desk.said
    assert new_desk.users["gus"]["password"] in new_desk.said
    assert new_desk.users["ben"] == users["ben"]
    assert new_desk.found(dataset, "ends") == ["r1"]
    end = time.monotonic() + 60
    while not new_desk.ask("GET", f"datasets/{dataset}/progress")["completed"]:
        assert time.monotonic() < end, "the status was not made up for"
        time.sleep(0.2)
    assert new_desk.stop(signal.SIGKILL) == -signal.SIGKILL
    assert not new_desk.left()

    # In the background, with a Redis elsewhere, after the credentials were lost: everybody gets a new password.
    (home / "credentials.json").unlink()
    run = new_desk.run("up", "desk.port=0", "desk.detach=true", f"desk.redis={redis}")
    assert run.returncode == 0, run.stderr
    new_desk.url = new_desk.state["url"]
    assert new_desk.users["ann"]["password"] != users["ann"]["password"]
    assert login(new_desk, "ann", users["ann"]["password"]) == 401
    assert login(new_desk, "ann", new_desk.users["ann"]["password"]) in (200, 201)
    assert new_desk.found(dataset, "ends") == ["r1"]

    status = new_desk.run("status").stdout
    assert f"running at {new_desk.url}" in status and "1 records" in status
    second = new_desk.run("up")
    assert second.returncode == 2
    assert f"a server runs on {home} already: {new_desk.url}" in second.stderr
    assert "python -m curation.desk down" in second.stderr
    down = new_desk.run("down")
    assert (down.returncode, down.stdout) == (0, "stopped; every answer is kept\n")
    assert not new_desk.left(0)
    assert "no labelling server runs" in new_desk.run("down").stdout
    assert "not running" in new_desk.run("status").stdout


@pytest.mark.slow
def test_a_killed_server_is_said_and_leaves_no_worker(new_desk) -> None:
    new_desk.up()
    os.kill(new_desk.state["pid"], signal.SIGKILL)
    said = new_desk.launcher.communicate(timeout=30)[0]
    assert new_desk.launcher.returncode == 2
    assert "error: the server ended by itself (-9)" in said and "Traceback" not in said
    assert not new_desk.left()
    # A state file that names a living process, such as this one, ends nothing.
    (new_desk.home / "server.json").write_text(json.dumps({"pid": os.getpid(), "url": "http://127.0.0.1:1"}))
    assert "no labelling server runs" in new_desk.run("down").stdout


def test_a_backup_of_a_working_desk_is_restored_elsewhere(desk, new_desk, tmp_path) -> None:
    dataset = desk.dataset("saved")
    desk.log(dataset, [{"external_id": f"{n}", "fields": {"text": f"saved text {n}"}} for n in range(20)])
    record = desk.search(dataset)["items"][0]["record"]
    desk.answer(record["id"], {"verdict": "fix"}, "cem")
    file = tmp_path / "desk.backup"
    run = desk.run("backup", str(file))
    assert run.returncode == 0, run.stderr
    assert mode(file) == 0o600
    assert "there already" in desk.run("backup", str(file)).stderr

    run = new_desk.run("restore", str(file))
    assert run.returncode == 0, run.stderr
    assert mode(new_desk.home / "credentials.json") == 0o600
    again = new_desk.run("restore", str(file))
    assert again.returncode == 2 and "nothing was changed" in again.stderr
    new_desk.up()
    assert new_desk.users == desk.users
    assert login(new_desk, "cem", desk.users["cem"]["password"]) in (200, 201)
    assert len(new_desk.found(dataset, "saved", limit=100)) == 20
    answers = new_desk.search(dataset, {"query": {"text": {"q": f'"{record["fields"]["text"]}"'}}}, user="cem",
                              include="responses")["items"][0]["record"]["responses"]  # fmt: skip
    assert [(one["status"], one["values"]["verdict"]["value"]) for one in answers] == [("submitted", "fix")]
    # Both work on, apart.
    new_desk.log(dataset, [{"external_id": "new", "fields": {"text": "only here"}}])
    assert desk.found(dataset, "only") == []


@pytest.mark.parametrize("cut", [0, 40, 3000])
def test_a_file_that_is_no_backup_leaves_an_empty_home(new_desk, desk, tmp_path, cut: int) -> None:
    good = tmp_path / "good.backup"
    assert desk.run("backup", str(good)).returncode == 0
    bad = tmp_path / "bad.backup"
    bad.write_bytes(good.read_bytes()[:cut])
    run = new_desk.run("restore", str(bad))
    assert run.returncode == 2
    assert "is no backup of a labelling desk, or is cut off" in run.stderr and "Traceback" not in run.stderr
    assert not (new_desk.home / "argilla.db").exists()
    assert not (new_desk.home / "credentials.json").exists()
