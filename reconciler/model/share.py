"""Where the files that ship with the tool lie: schemas, default manifests, companies, examples."""

from __future__ import annotations

from pathlib import Path


def share(name: str) -> Path:
    """The shipped folder `name`: beside the package in a checkout, inside it in an installed wheel.

    Raises FileNotFoundError where neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "share" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the installation is incomplete: there is no folder {name!r} for {package}")
