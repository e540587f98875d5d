"""What cannot be printed ends no work, whoever reads along and in whatever alphabet."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.e2e.factory import COMMAND, TinyFactory, environment

TITLE = "Objavi ponudu → 日本語 ✨"
SPELT = "Objavi ponudu -> \\u65e5\\u672c\\u8a9e \\u2728"


def shell(factory: TinyFactory, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What a user's shell makes of a line in which `$A` is the command."""
    env = {**environment(), "A": COMMAND, **more}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=factory.root, env=env, capture_output=True, timeout=60,
        encoding="latin-1", check=False,
    )  # fmt: skip


@pytest.fixture
def wide(factory: TinyFactory) -> TinyFactory:
    factory.task("wide", TITLE)
    factory.task("second", "Write a second thing")
    factory.commit()
    return factory


def test_titles_of_any_alphabet_are_spelt_where_the_terminal_has_another(wide: TinyFactory) -> None:
    done = shell(wide, "$A list; $A show Task/wide; $A status", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert SPELT in done.stdout
    for output in ("json", "yaml"):
        said = shell(wide, f"$A show Task/wide -o {output}", PYTHONIOENCODING="ascii")
        assert said.returncode == 0, said.stderr
        assert said.stdout.isascii()
    assert json.loads(shell(wide, "$A show Task/wide -o json", PYTHONIOENCODING="ascii").stdout)["title"] == TITLE


@pytest.mark.parametrize(
    ("line", "code"), [("$A apply | head -1", 0), ("$A apply > /dev/full", 1), ("$A apply >&- 2>&-", 0)]
)
def test_work_goes_on_where_nobody_can_read_of_it(factory: TinyFactory, line: str, code: int) -> None:
    factory.task("wide", TITLE)
    factory.commit()
    done = shell(factory, line, PYTHONIOENCODING="latin-1")
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert factory.show("wide")["phase"] == "done"
    factory.ok("verify")


def test_an_answer_that_got_lost_on_a_full_disk_is_a_fault_and_one_that_was_enough_is_none(wide: TinyFactory) -> None:
    full = shell(wide, "$A list > /dev/full")
    assert (full.returncode, full.stderr.strip()) == (
        1,
        "standard output: No space left on device; what should stand there is lost",
    )
    enough = shell(wide, "$A list | true")
    assert (enough.returncode, enough.stderr) == (0, "")


def test_no_file_is_taken_for_an_output_that_was_closed(wide: TinyFactory) -> None:
    done = shell(wide, "$A list >&- 2>&- <&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert b"wide" not in b"".join(path.read_bytes() for path in Path(wide.root).rglob("*.lock"))


@pytest.mark.parametrize(("columns", "whole"), [(20, True), (100, False)])
def test_a_narrow_terminal_gets_lines_in_place_of_a_table_of_letters(
    wide: TinyFactory, columns: int, whole: bool
) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in environment().items() if key not in ("COLUMNS", "LINES", "TERM")}
    done = subprocess.run([COMMAND, "list"], cwd=wide.root, env=env, stdout=theirs, timeout=60, check=False)
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert ("Name" in said.splitlines()[0]) is whole
    assert "second" in said
