"""What goes wrong with files and folders is a plain error, a bug of ours is not, and commands are spelt as typed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from data.__main__ import main
from data.commands import spelt
from data.connection import give_memory
from data.errors import UserError
from data.store import Store
from data.trouble import check_folder, made, trouble

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.duckdb"
    with Store.open(path) as store:
        store.query("SELECT 1 AS one")
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The plain error that `python -m data WORDS` ends with."""
    assert main([str(word) for word in words]) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    return text


def test_a_backup_is_a_whole_store(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy.duckdb"
    assert main(["--store", str(path), "backup", str(copy)]) == 0
    with Store.open(copy, read_only=True) as store:
        assert store.versions() == []
    assert "exists already" in said(capsys, "--store", path, "backup", copy)
    assert "there is no folder" in said(capsys, "--store", path, "backup", tmp_path / "no" / "x.duckdb")
    assert not (tmp_path / "no").exists()
    assert "is a file, not a folder" in said(capsys, "--store", path, "backup", copy / "x.duckdb")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.duckdb", "store.duckdb"]


@pytest.mark.parametrize("part", [0.0, 0.001, 0.02, 0.5, 0.95])
def test_a_cut_store_is_called_damaged(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], part: float
) -> None:
    whole = path.read_bytes()
    cut = tmp_path / "cut.duckdb"
    cut.write_bytes(whole[: int(len(whole) * part)])
    for command in ("versions", "facts"):
        assert "is damaged" in said(capsys, "--store", cut, command)


def test_a_place_that_cannot_be_written_is_plain(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file/a/b: .*file is a file, not a folder\nout=X"):
        made(tmp_path / "file" / "a" / "b", "out=X")
    check_folder(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    assert made(tmp_path / "a" / "b").is_dir()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder that nobody may write in")
def test_a_folder_that_refuses_is_plain() -> None:
    with pytest.raises(UserError, match=r"cannot write /proc/nope: .*\nout=X"):
        made(Path("/proc/nope"), "out=X")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_found_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="no permission to write in"):
        check_folder(tmp_path / "a" / "b")


def test_only_errors_of_named_files_are_plain(tmp_path: Path) -> None:
    denied = trouble(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "x" / "y")))
    assert denied is not None
    assert denied.problem == f"cannot write {tmp_path}/x/y: Permission denied"
    assert "out=" in denied.hints[0]
    absent = trouble(FileNotFoundError(errno.ENOENT, "No such file or directory", str(tmp_path / "x")))
    assert absent is not None
    assert absent.problem.startswith("cannot read ")
    full = trouble(OSError(errno.ENOSPC, "No space left on device"))
    assert full is not None
    assert "disk is full" in full.problem
    for bug in (OSError("nothing is named"), ValueError("x"), KeyError("filename")):
        assert trouble(bug) is None


def test_a_query_that_ctrl_c_ended_is_ctrl_c() -> None:
    class Frame:
        """What DuckDB reads when the signal comes."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise KeyboardInterrupt

    def interrupted() -> None:
        connection = duckdb.connect()
        try:
            connection.register("frame", Frame())
            connection.execute("SELECT * FROM frame")
        except Exception as error:
            trouble(error)
            raise

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(KeyboardInterrupt):
        trouble(RuntimeError("Query interrupted"))


def test_commands_are_spelt_as_this_user_types_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEPROOF_STORE", "usual.duckdb")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "data"])
    text = "python -m data show latest; python -m train; python -m data.samples.generate"
    assert spelt(text) == spelt(text, "usual.duckdb") == text
    assert spelt(text, "a b.duckdb") == (
        "python -m data --store 'a b.duckdb' show latest; python -m train 'store.path=a b.duckdb'; "
        "python -m data.samples.generate"
    )
    assert spelt(spelt(text, "a b.duckdb"), "a b.duckdb") == spelt(text, "a b.duckdb")
    monkeypatch.setattr(sys, "orig_argv", ["python", "/somewhere/bin/tuneproof", "data"])
    assert spelt("python -m data versions", "x.duckdb") == "tuneproof data --store x.duckdb versions"


@pytest.mark.parametrize("how", [("--store", "{}", "status"), ("status", "--store", "{}"), ("status", "store.path={}"),
                                 ("store.path={}", "status")])  # fmt: skip
def test_the_store_is_named_anywhere_on_the_line(
    path: Path, capsys: pytest.CaptureFixture[str], how: tuple[str, ...]
) -> None:
    assert main([word.format(path) for word in how]) == 0
    assert "0 versions" in capsys.readouterr().out


def test_ctrl_c_ends_a_question_in_one_line(tmp_path: Path) -> None:
    # The question waits for a pipe that nobody writes to, which is where Ctrl-C finds it.
    code = (
        "import sys, time, types\n"
        "ask = types.ModuleType('data.ask')\n"
        "def slow(options):\n    print('asked', flush=True)\n    time.sleep(60)\n"
        "ask.COMMANDS = {'status': slow}\n"
        "import data\ndata.ask = ask\nsys.modules['data.ask'] = ask\n"
        "from data.__main__ import main\nsys.exit(main(['status']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=20)
    assert process.returncode == 130
    assert text == "\nstopped\n"


def test_a_store_that_wants_more_memory_than_there_is_says_so(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        store.connection.execute("SET memory_limit = '20MB'; SET max_temp_directory_size = '1MB'")
        with pytest.raises(duckdb.OutOfMemoryException) as raised:
            store.query("SELECT list(md5(i::VARCHAR)) AS x FROM range(3000000) t(i)")
        said = trouble(raised.value)
        assert said is not None
        assert "the store needs more memory" in str(said)
        assert "finished is kept" in str(said)
        # A larger version may take more.
        give_memory(store.connection, rows=3_000_000)
        limit = store.query("SELECT current_setting('memory_limit') AS x")["x"].item()
        assert limit in ("2.7 GiB", *(f"{n / 10:.1f} GiB" for n in range(9, 27)))  # less on a small machine
