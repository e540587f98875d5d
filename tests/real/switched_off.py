"""Switches each protection off, alone, in a copy of the project, and sees that the test of its promise fails then.

    python -m tests.real.switched_off [WORD...]

does so for the rows of `switched_off.toml` that hold one of the words in their promise, file or test (all without
words): a table to standard output, 1 where a test did not notice. It takes minutes, so it is run by hand, after a
change of the protections. `tests/docs/test_security.py` holds that what the rows name is there.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).with_suffix(".toml")
_SECONDS = 120
"""for one test; with a protection off some would go on for ever"""
_FAILED = 1
"""pytest's exit status for tests that ran and failed; others are for what could not run"""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`old` stands once in `file`; with `new` in its place the protection is off. `test`: a node of pytest."""

    promise: str
    file: str
    old: str
    new: str
    test: str

    @property
    def said(self) -> str:
        return f"{self.promise} {self.file} {self.test}"


def rows() -> list[Row]:
    return msgspec.convert(tomllib.loads(ROWS.read_text(encoding="utf-8"))["row"], list[Row])


def copy(target: Path) -> None:
    """The project as it is in this working tree, without what git does not know."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True)
    for name in os.fsdecode(listed.stdout).split("\0"):
        if name and (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    # compiled modules that are told from their sources by content: a file may change twice within a second
    checked = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(target, quiet=1, invalidation_mode=checked)


def noticed(row: Row, project: Path) -> str:
    """What came of the row's test with the protection off: `failed`, as it should, or what is wrong."""
    file = project / row.file
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(text.replace(row.old, row.new), encoding="utf-8")
        done = run([row.test], project)
    finally:
        file.write_text(text, encoding="utf-8")
    if done.returncode == _FAILED:
        return "failed"
    return "STILL PASSED" if done.returncode == 0 and b" passed" in done.stdout else "NOT RUN"


def run(tests: list[str], project: Path) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "pytest", "-v", "-x", "-m", "", "-p", "no:cacheprovider", f"--timeout={_SECONDS}"]
    env = os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*argv, *(f"tests/{test}" for test in tests)], cwd=project, env=env, capture_output=True)


def main(words: list[str]) -> int:
    wanted = [row for row in rows() if not words or any(word in row.said for word in words)]
    weak = 0
    print("| promise | switched off in | test | without it |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="alai-off-") as folder:
        copy(Path(folder))
        sound = run(list(dict.fromkeys(row.test for row in wanted)), Path(folder))
        if sound.returncode:
            print(f"With all protections on:\n{sound.stdout.decode()}")
            return 1
        for row in wanted:
            told = noticed(row, Path(folder))
            weak += told != "failed"
            print(f"| {row.promise} | {row.file} | {row.test} | {told} |", flush=True)
    print(f"\n{len(wanted) - weak} of {len(wanted)} tests fail without their protection.")
    return int(weak > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
