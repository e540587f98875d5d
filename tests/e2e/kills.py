"""Kills a running `apply` again and again, and says what was lost or done twice. For tests and for `kill_demo`.

Linux only: processes are found in /proc. Nothing here looks inside the program but for the ids of what is in flight.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.execute import fence
from tests.e2e.factory import COMMAND, environment, git

TOKEN = "ALAI_KILL_RUN"
"""an environment variable by which every process of ours is known, wherever it went"""
RUSH = 2
WAYS = ("controller", "worker", "both", "controller", "worker", "stopped worker, controller", "stopped both", "ended")


@dataclass
class Edits:
    """What a person has left lying about in a repository, and how it must be found again."""

    root: Path
    before: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, *, tracked: bool = True) -> Edits:
        """Untracked files; with `tracked` also staged, unstaged and half-staged changes."""
        (root / "untracked notes.txt").write_text("not for git\n")
        (root / "notes").mkdir(exist_ok=True)
        (root / "notes" / "loose.txt").write_text("neither is this\n")
        if tracked:
            for name in ("staged", "unstaged", "half"):
                (root / f"{name}.txt").write_text(f"{name}\n")
            git(root, "add", "staged.txt", "unstaged.txt", "half.txt")
            git(root, "-c", "user.name=Pat", "-c", "user.email=pat@example.org", "commit", "-qm", "Keep notes")
            for name in ("staged", "half", "brand-new"):
                (root / f"{name}.txt").write_text(f"{name}, and staged\n")
                git(root, "add", f"{name}.txt")
            for name in ("unstaged", "half"):
                (root / f"{name}.txt").write_text(f"{name}, and not staged\n")
        found = cls(root)
        found.before = found.now()
        return found

    def now(self) -> dict[str, str]:
        """Everything a person would miss."""
        others = git(self.root, "ls-files", "--others", "--exclude-standard").splitlines()
        return {
            "staged": git(self.root, "diff", "--cached"),
            "unstaged": git(self.root, "diff"),
            "untracked": "\n".join(f"{name}: {(self.root / name.strip(chr(34))).read_text()}" for name in others),
        }

    def faults(self) -> list[str]:
        now = self.now()
        return [f"{self.root.name}: the {key} edits changed" for key in now if now[key] != self.before[key]]


class Killer:
    """One factory whose `apply` is killed. `say` hears of each kill."""

    def __init__(self, root: Path, seed: int, say: Callable[[str], None] = lambda text: None) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.say = say
        self.kills: Counter[str] = Counter()
        self.caught: set[str] = set()
        """the executions that were in flight at a kill"""
        self.log = root.parent / "apply.log"

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [COMMAND, "apply"],
                cwd=self.root,
                env={**environment(), TOKEN: str(self.root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, kills: int, delays: tuple[float, float], limit: float) -> int:
        """Kill until there were so many, then let `apply` come to its end; its exit code. `limit`: seconds in all.

        After RUSH kills without a new outcome the next one waits for an outcome: so they are spread over the whole
        run, however slow the machine is.
        """
        deadline = time.monotonic() + limit
        controller = self.start()
        rush, known = 0, 0
        while self.kills.total() < kills:
            while rush >= RUSH and controller.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
                if (now := len(trailers(self.root))) > known:
                    rush, known = 0, now
            rush += 1
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = controller.wait(self.random.uniform(*delays))
                if code != 0:
                    raise AssertionError(f"apply ended with {code} before the kills were over: {self.tail()}")
                self.say("settled before all kills were done; going on with kills of a settled factory")
            self.kill(controller, self.random.choice(WAYS))
            if controller.poll() is not None:
                controller = self.start()
            assert time.monotonic() < deadline, f"too slow: {self.kills.total()} kills; {self.tail()}"
        try:
            return controller.wait(deadline - time.monotonic())
        except subprocess.TimeoutExpired:
            controller.kill()
            raise AssertionError(f"not settled in time: {self.tail()}") from None

    def kill(self, controller: subprocess.Popen[bytes], way: str) -> None:
        self.caught |= in_flight(self.root)
        found = workers(self.root)
        if way == "worker" and not found:
            way = "controller"
        if way.startswith("stopped"):
            for pid in [*found, *([controller.pid] if way == "stopped both" else [])]:
                send(pid, signal.SIGSTOP)
            time.sleep(0.1)
        if way in ("worker", "both", "stopped both"):
            for pid in found:
                send(pid, signal.SIGKILL)
        if way == "ended":
            send(controller.pid, signal.SIGTERM)
            controller.wait(30)
        elif way != "worker":
            controller.kill()
            controller.wait()
        self.kills[way] += 1
        self.say(f"kill {self.kills.total()}: {way} ({len(self.caught)} executions caught so far)")

    def tail(self) -> str:
        return self.log.read_text("utf-8", "replace")[-1500:]


def faults(root: Path, products: list[Path], killer: Killer) -> list[str]:
    """What is wrong with a factory that has settled after its kills. Empty where nothing is."""
    found: list[str] = []
    outcomes = trailers(root)
    twice = [key for key, count in Counter(identifier for identifier, _ in outcomes).items() if count > 1]
    found += [f"{identifier} has two outcomes" for identifier in twice]
    found += [f"{identifier} took attempt {number}" for identifier, number in outcomes if number not in ("1", "")]
    lost = killer.caught - {identifier for identifier, _ in outcomes}
    found += [f"{identifier} was in flight and has no outcome" for identifier in sorted(lost)]
    for product in products:
        merged = git(
            product, "log", "--first-parent", "--merges", "--format=%(trailers:key=Alai-Execution,valueonly)%P"
        )
        seen = Counter(re.findall(r"[0-9a-f]{40} ([0-9a-f]{40})", merged))
        found += [f"{product.name}: {work} was merged {count} times" for work, count in seen.items() if count > 1]
        named = Counter(line for line in merged.splitlines() if line and " " not in line)
        found += [f"{product.name}: {name} was merged {count} times" for name, count in named.items() if count > 1]
    for repository in (root, *products):
        found += [f"git fsck: {line}" for line in git(repository, "fsck", "--full", "--no-dangling").splitlines()]
        inside = repository / ".git"
        for pattern in ("**/*.lock", "fast_import_crash_*", "alai-move/*", "worktrees/*"):
            found += [f"left over: {path}" for path in inside.glob(pattern)]
    for pattern in ("runs/*", "jobs/*", "tmp/*", "starts/*", "cache/blueprints/part-*", "part-*"):
        found += [f"left over: {path}" for path in (root / "state").glob(pattern)]
    found += [f"left over: {path}" for path in (root / "state").rglob("*") if path.is_socket()]
    found += [f"left over: {group}" for group in fence.groups(str(root / "state" / "tmp"))]
    for args, wanted in ((("rebuild", "--check"), 0), (("verify",), 0), (("diff",), 0)):
        done = cli(root, *args)
        if done.returncode != wanted:
            found.append(f"{' '.join(args)} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    head = git(root, "rev-parse", "HEAD")
    again = cli(root, "apply")
    if again.returncode or git(root, "rev-parse", "HEAD") != head:
        found.append(f"a second apply did something ({again.returncode}): {again.stdout[-500:]}")
    deadline = time.monotonic() + 5
    while (left := ours(root)) and time.monotonic() < deadline:
        time.sleep(0.1)
    found += [f"still running: {pid} {command_line(pid)}" for pid in left]
    return found


def cli(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *args], cwd=root, env=environment(), capture_output=True, text=True, timeout=300)


def trailers(root: Path) -> list[tuple[str, str]]:
    """(execution, attempt) of every outcome commit, newest first; no attempt for what a model was only asked."""
    form = "%(trailers:key=Alai-Execution,valueonly,separator=)%x09%(trailers:key=Alai-Attempt,valueonly,separator=)"
    lines = git(root, "log", f"--format={form}").splitlines()
    return [(line.partition("\t")[0], line.partition("\t")[2]) for line in lines if line.strip()]


def in_flight(root: Path) -> set[str]:
    """The ids that the controller has stored as intents."""
    with contextlib.suppress(sqlite3.Error):
        database = sqlite3.connect(f"file:{root / 'state' / 'factory.db'}?mode=ro", uri=True, timeout=1)
        with contextlib.closing(database):
            return {row[0] for row in database.execute("SELECT id FROM executions")}
    return set()


def ours(root: Path) -> list[int]:
    """The living processes that belong to this factory: by the token, or by a path of it in their arguments."""
    return [pid for pid in processes() if pid != os.getpid() and belongs(pid, root)]


def workers(root: Path) -> list[int]:
    return [pid for pid in ours(root) if "reconciler.dispatch.worker" in command_line(pid)]


def belongs(pid: int, root: Path) -> bool:
    try:
        folder = Path("/proc") / str(pid)
        if (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
            return False
        token = f"{TOKEN}={root}\0".encode()
        inside = str(root / "state").encode()
        return token in (folder / "environ").read_bytes() + b"\0" or inside in (folder / "cmdline").read_bytes()
    except OSError:
        return False


def processes() -> Iterator[int]:
    assert sys.platform == "linux"
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def command_line(pid: int) -> str:
    try:
        return (
            (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        )
    except OSError:
        return ""


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
