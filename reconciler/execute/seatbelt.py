"""What a command may do on macOS, as the text of a profile for `sandbox-exec`. Pure; nothing is run here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

_READABLE = (
    "/usr", "/bin", "/sbin", "/opt", "/Library/Developer", "/Library/Frameworks", "/Library/Java", "/System",
    "/private/etc/ssl", "/private/etc/hosts", "/private/etc/localtime", "/private/var/db/timezone",
    "/private/var/db/dyld", "/dev", "/Applications/Xcode.app",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/dtracehelper")


def profile(
    *, root: Path, home: Path, readable: Sequence[Path], writable: Sequence[Path], closed: Sequence[Path] = ()
) -> str:
    """All is forbidden but what is named. `home`: an empty folder of the command's own, where it may write.

    The last rule that matches counts: what is `closed`, and git's own, comes after what is writable.
    """
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork process-exec)",
        "(allow signal (target same-sandbox))",
        "(allow process-info* (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        '(allow file-read* (literal "/"))',
        _rule("allow file-read*", [*map(Path, _READABLE), *readable, root, home]),
        _rule("allow file-write*", [home, *writable]),
        _rule("allow file-write-data", map(Path, _DEVICES), kind="literal"),
        _rule("deny file-write* file-read*", [root / ".git"]),
    ]
    if closed:
        lines.append(_rule("deny file-write*", closed))
    return "\n".join([*lines, "(deny network*)"]) + "\n"


def _rule(what: str, places: Iterable[Path], *, kind: str = "subpath") -> str:
    return f"({what} " + " ".join(f"({kind} {_text(str(place))})" for place in places) + ")"


def _text(path: str) -> str:
    """A string of the profile's language. Raises ValueError for a path that could end it."""
    if any(ord(char) < 32 or ord(char) == 127 for char in path):
        message = f"{path!r} cannot be named in a profile"
        raise ValueError(message)
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
