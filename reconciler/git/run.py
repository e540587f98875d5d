"""Runs `git` with an environment that nobody else can bend: the one place where a git process is started.

Not for deciding anything. Plumbing runs as processes and not through GitPython, because GitPython costs 150 ms to
import and several milliseconds more per object, and the callers here are the hot paths. The user's global
configuration, hooks, file-system monitor and replacement objects play no part: the same inputs give the same answer
on every machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.model.errors import FactoryError

COMMITTER = ("alai-reconcile", "alai-reconcile@localhost")
RECORDED = "refs/alai/recorded"
"""the last commit that this machine's controller wrote; it only ever builds on commits that were trusted"""
ZERO = "0" * 40
"""git's spelling of `does not exist` in a compare-and-swap"""

_OVERRIDES = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "log.showSignature=false",
    "core.alternateRefsCommand=true",
)


class GitError(FactoryError):
    """git refused. The text is one sentence, with git's own first line of complaint."""


class BranchMoved(GitError):
    """The branch is no longer at the commit that the work was computed for."""


class WrongBranch(GitError):
    """The working tree has another branch, or none, checked out."""


class IndexLocked(GitError):
    """Another git process kept the index locked for longer than we wait."""


class Dirty(GitError):
    """The working tree holds changes that a move of its branch would have to overwrite."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The scrubbed environment: nothing of the caller's GIT_*, no global or system configuration, no prompts."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "SSH_ASKPASS"))}
    env |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_COMMITTER_NAME": COMMITTER[0],
        "GIT_COMMITTER_EMAIL": COMMITTER[1],
        "GIT_AUTHOR_NAME": COMMITTER[0],
        "GIT_AUTHOR_EMAIL": COMMITTER[1],
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    return env | dict(extra or {})


def command(args: Sequence[str], config: Iterable[str] = ()) -> list[str]:
    """The argv of a git process. `config` holds `key=value` pairs that win over the hardening."""
    argv = ["git", "--no-pager"]
    for pair in (*_OVERRIDES, *config):
        argv += ["-c", pair]
    return [*argv, *args]


def run(
    root: Path,
    *args: str,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
    config: Iterable[str] = (),
    accept: Sequence[int] = (0,),
    timeout: float = 120.0,
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run git in `root` to its end. Raises GitError for an exit code not in `accept`, or after `timeout` seconds."""
    try:
        done = subprocess.run(
            command(args, config),
            cwd=root,
            env=environment(env),
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
            pass_fds=pass_fds,
            process_group=0,  # Ctrl-C in a terminal is for us; git is to finish what it does
        )
    except subprocess.TimeoutExpired as expired:
        raise GitError(f"git {args[0]} in {root} did not end within {timeout:.0f} s") from expired
    except (FileNotFoundError, NotADirectoryError) as missing:
        reason = "there is no such folder" if not root.is_dir() else "git is not installed"
        raise GitError(f"cannot run git in {root}: {reason}") from missing
    if done.returncode not in accept:
        raise failure(root, args[0], done.stderr)
    return done


def text(root: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    """What git printed, without surrounding white space."""
    return decode(run(root, *args, env=env).stdout).strip()


def without_filters(root: Path) -> dict[str, str]:
    """Environment that switches off the filter drivers that `root`'s own configuration names: git would run them.

    As variables and not as `-c key=value`: a driver's name may hold an equals sign.
    """
    asked = ("config", "--null", "--name-only", "--get-regexp", r"^filter\.")
    names = decode(run(root, *asked, accept=(0, 1)).stdout).split("\0")
    drivers = sorted({name.rpartition(".")[0] for name in names if name})
    values = {"clean": "", "smudge": "", "process": "", "required": "false"}
    pairs = [(f"{driver}.{key}", value) for driver in drivers for key, value in values.items()]
    env = {"GIT_CONFIG_COUNT": str(len(pairs))} if pairs else {}
    for number, (key, value) in enumerate(pairs):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def failure(root: Path, what: str, stderr: bytes) -> GitError:
    """The error for a git process that complained."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "no message")
    if "dubious ownership" in first:
        return GitError(f"{root} belongs to another user, so git refuses to read it: run as its owner")
    return GitError(f"git {what} in {root}: {first}")


def decode(raw: bytes) -> str:
    """Bytes of a path or name as text; odd bytes survive the way back through `encode`."""
    return raw.decode("utf-8", "surrogateescape")


def encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
