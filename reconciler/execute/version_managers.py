"""The real programs behind the wrappers of version managers, which need their owner's home folder to work.

Known are rustup, managers that keep `shims` beside `versions` (pyenv, rbenv, nodenv) and those that keep them beside
`installs` (asdf, mise). Which version is meant is read from their own files; a product's own wish is not looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path

_RUSTUP = ("rustup", "rustup-init")


def behind(entry: str) -> list[str]:
    """What takes the place of an entry of the path: itself, or, of wrappers, the folders of what they wrap."""
    folder = Path(entry)
    return [entry] if folder.name != "shims" else [*_versions(folder.parent), *_installs(folder.parent)]


def rust(path: str) -> list[str]:
    """The folder of the real programs, where the `cargo` on the path is only rustup's."""
    found = shutil.which("cargo", path=path)
    if found is None or (Path(found).resolve().name not in _RUSTUP and not (Path(found).parent / "rustup").exists()):
        return []
    home = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    there = _folders(home / "toolchains")
    name = os.environ.get("RUSTUP_TOOLCHAIN") or _default(home)
    # the name may be a channel alone, and rustup adds the machine to it
    chosen = [folder for folder in there if name and (folder.name == name or folder.name.startswith(f"{name}-"))]
    stable = [folder for folder in there if folder.name.startswith("stable")]
    return [str(folder / "bin") for folder in (chosen or stable or there)[:1]]


def _default(home: Path) -> str:
    try:
        return str(tomllib.loads((home / "settings.toml").read_text())["default_toolchain"])
    except (OSError, ValueError, KeyError):
        return ""


def _versions(root: Path) -> list[str]:
    """pyenv and its like: `version` names the chosen ones, first word first."""
    named = os.environ.get(f"{root.name.lstrip('.').upper()}_VERSION", "").replace(":", " ") or _text(root / "version")
    chosen = [root / "versions" / name for name in named.split() if "/" not in name]
    chosen = [folder for folder in chosen if folder.is_dir()] or _newest(_folders(root / "versions"))
    return [str(folder / "bin") for folder in chosen]


def _installs(root: Path) -> list[str]:
    """asdf and mise: a folder a tool, one in it a version, and `~/.tool-versions` names the chosen ones."""
    lines = (line.split() for line in _text(Path.home() / ".tool-versions").splitlines())
    wanted = {words[0]: words[1:] for words in lines if words}
    found: list[str] = []
    for tool in _folders(root / "installs"):
        chosen = [tool / name for name in wanted.get(tool.name, ()) if "/" not in name and (tool / name).is_dir()]
        for folder in chosen or _newest(_folders(tool)):
            real = folder.resolve()  # mise links `latest` and `20` to the whole number
            found.append(str(real / "bin" if (real / "bin").is_dir() else real))
    return found


def _folders(place: Path) -> list[Path]:
    return sorted(folder for folder in place.glob("*") if folder.is_dir())


def _newest(folders: Iterable[Path]) -> list[Path]:
    """The one with the greatest version number, if any."""
    return sorted(folders, key=lambda folder: [int(number) for number in re.findall(r"\d+", folder.name)])[-1:]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
