"""Runs `git` with an environment that nobody else can bend: the one place where a git process is started.

Not for deciding anything. Plumbing runs as processes and not through GitPython, because GitPython costs 150 ms to
import and several milliseconds more per object, and the callers here are the hot paths. No repository's configuration
is in force (see `isolation`), nor are the user's, hooks, file-system monitors and replacement objects; no process may
open a connection of any kind. The same inputs give the same answer on every machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.git import isolation
from reconciler.git.errors import GitError
from reconciler.git.layout import Layout, layout

COMMITTER = ("alai-reconcile", "alai-reconcile@localhost")

_OVERRIDES = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "core.commitGraph=false",  # it says what a commit's parents are, and nobody checks that against the commits
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The scrubbed environment: nothing of the caller's GIT_*, no configuration, no prompts, no connections.

    `extra` says which repository: `isolated(root)`, or a git folder that we made ourselves.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "SSH_ASKPASS"))}
    env |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_COMMITTER_NAME": COMMITTER[0],
        "GIT_COMMITTER_EMAIL": COMMITTER[1],
        "GIT_AUTHOR_NAME": COMMITTER[0],
        "GIT_AUTHOR_EMAIL": COMMITTER[1],
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    # a relative entry would be looked up in the repository that git is started in
    path = env.get("PATH", os.defpath).split(os.pathsep)
    env["PATH"] = os.pathsep.join(entry for entry in path if entry.startswith("/"))
    return env | dict(extra or {})


def isolated(root: Path) -> dict[str, str]:
    """The variables that make git work on the repository at `root`, without its configuration. Raises GitError."""
    found = layout(root)
    if (part := found.foreign()) is not None and not _safe(found):
        told = f"run as its owner, or allow it: git config --global --add safe.directory {found.top or found.git_dir}"
        raise GitError(f"{part} belongs to another user: {told}")
    return isolation.variables(found)


def _safe(found: Layout) -> bool:
    """Whether the user's own configuration lists the repository as one of another user's that is trusted."""
    names = {str(found.top or found.git_dir), str(found.git_dir)}
    safe = False
    for value in users_configuration("^safe[.]directory$").get("safe.directory", ()):
        place = os.path.normpath(Path(value).expanduser()) if value else ""
        below = value.endswith("/*") and any(name.startswith(value[:-1]) for name in names)
        safe = bool(value) and (safe or value == "*" or place in names or below)  # an empty one begins anew
    return safe


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
    where: Mapping[str, str] | None = None,
    config: Iterable[str] = (),
    accept: Sequence[int] = (0,),
    timeout: float = 120.0,
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run git in `root` to its end. Raises GitError for an exit code not in `accept`, or after `timeout` seconds.

    It works on the repository at `root`, isolated; or on the one that the variables in `where` name.
    """
    told = {**(isolated(root) if where is None else where), **(env or {})}
    try:
        done = subprocess.run(
            command(args, config),
            cwd=root,
            env=environment(told),
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


def text(root: Path, *args: str, where: Mapping[str, str] | None = None) -> str:
    """What git printed, without surrounding white space."""
    return decode(run(root, *args, where=where).stdout).strip()


def as_user(*args: str, config: Iterable[str] = ()) -> subprocess.CompletedProcess[bytes]:
    """git with the user's own configuration and identity, outside of all repositories: for asking what they say."""
    kept = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    env = {key: value for key, value in environment().items() if not key.startswith("GIT_")}
    env |= {key: os.environ[key] for key in kept if key in os.environ}
    env |= {"GIT_DIR": os.devnull, "GIT_ALLOW_PROTOCOL": "none"}
    return subprocess.run(
        command(args, config), cwd="/", env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )


def users_configuration(pattern: str) -> dict[str, list[str]]:
    """What the user's and the system's own configuration say for keys that match."""
    found: dict[str, list[str]] = {}
    for item in decode(as_user("config", "--null", "--get-regexp", pattern).stdout).split("\0"):
        key, newline, value = item.partition("\n")
        if key:
            found.setdefault(key, []).append(value if newline else "true")
    return found


_MISSING = ("unable to read", "could not read", "cannot read", "bad object", "missing", "could not get object info")
"""what git says of an object that is not there"""


def failure(root: Path, what: str, stderr: bytes) -> GitError:
    """The error for a git process that complained."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "no message")
    if any(words in first.lower() for words in _MISSING):
        told = "a partial clone is filled by: git fetch --refetch --no-filter"
        return GitError(f"git {what} in {root}: {first} (an object is missing here, and is not fetched: {told})")
    return GitError(f"git {what} in {root}: {first}")


def decode(raw: bytes) -> str:
    """Bytes of a path or name as text; odd bytes survive the way back through `encode`."""
    return raw.decode("utf-8", "surrogateescape")


def encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
