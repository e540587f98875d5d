"""Make a factory: the default manifests and companies, a Fleet of what this machine has, the first commit."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.controller.discover import discover
from reconciler.controller.signing import begin, told_of
from reconciler.desired import edit
from reconciler.git import pin as pins
from reconciler.git.repository import GitError, Repository
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.refs import Ref
from reconciler.model.share import share

BRANCH = "main"
IGNORED = "state/*\n!state/README.md\n"
STATE_README = "What is in flight. Git ignores it; delete it when nothing runs, all but `minions/`.\n"
README = """# A software factory

What should happen stands in `manifests/`, who does it in `companies/`; what did happen is in `git log` and `evidence/`.

    alai-reconcile add "Describe how to install this" -p H   # ask for something
    alai-reconcile diff                                      # see what would happen, and why
    alai-reconcile apply                                     # let it happen
    alai-reconcile log                                       # read what did
"""


def init(folder: Path, *, product: Path | None = None) -> list[str]:
    """Make `folder` a factory. Returns what was found, in sentences. Raises Refused unless it is empty."""
    _refuse_full(folder)
    where = _existing_product(product) if product else None
    fleet, found = discover()
    _copy_default(folder)
    _write_manifest(folder, "Fleet", "default", fleet, "manifests/fleet.yaml")
    if where is not None:
        _name_product(folder, where)
    else:
        found.append("No product was named: write one into manifests/policy.yaml, or use init --product PATH.")
    found += _begin(folder, "Make this folder a factory")
    return [*found, f'{folder} is a factory; next: alai-reconcile -C {folder} add "TITLE", then diff, then apply']


def init_example(name: str, folder: Path) -> list[str]:
    """Make `folder/factory` and the product repositories it works on. Raises FactoryError for an unknown example."""
    source = share("examples") / name
    if not (source / "factory").is_dir():
        known = ", ".join(sorted(item.name for item in share("examples").iterdir() if (item / "factory").is_dir()))
        raise FactoryError(f"{name}: no such example; there are {known}")
    _refuse_full(folder)
    for product in sorted((source / "products").iterdir()):
        target = folder / "products" / product.name
        shutil.copytree(product, target, ignore=_litter)
        Repository.create(target, BRANCH).commit_everything(f"Begin {product.name}")
    factory = folder / "factory"
    _copy_default(factory)
    shutil.copytree(source / "factory", factory, dirs_exist_ok=True, ignore=_litter)
    _place(factory)
    told = _begin(factory, f"Make the factory of the example {name}")
    return [*told, f"{factory} is a factory; next: alai-reconcile -C {factory} diff, then apply"]


def _begin(folder: Path, message: str) -> list[str]:
    """Make it a repository, and its pin and key. Returns what is to be said of those that were kept of the path."""
    kept = pins.set_key_aside(folder / ".git")
    begin(folder, BRANCH, message)
    return told_of(kept)


def _place(factory: Path) -> None:
    """An example's Fleet may name programs that lie in its factory: `{factory}` is where that is now."""
    path = factory / "manifests" / "fleet.yaml"
    path.write_text(path.read_text().replace("{factory}", json.dumps(str(factory.resolve()))[1:-1]))


_litter: Callable[[Any, list[str]], set[str]] = shutil.ignore_patterns("__pycache__", "*.pyc")


def _refuse_full(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder}: is not empty; name a new or an empty folder")


def machinery() -> dict[str, bytes]:
    """The files of a default factory that has no Fleet and no goals yet, by path."""
    files = {
        f"{name}/{path.relative_to(share(name)).as_posix()}": path.read_bytes()
        for name in ("manifests", "companies", "schemas")
        for path in sorted(share(name).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    return files | {".gitignore": IGNORED.encode()}


def _copy_default(folder: Path) -> None:
    for name, body in machinery().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    (folder / "README.md").write_text(README)
    (folder / "state").mkdir(mode=0o700)
    (folder / "state" / "README.md").write_text(STATE_README)


def _write_manifest(folder: Path, kind: str, name: str, spec: dict[str, Any], path: str) -> None:
    (folder / path).write_text(edit.render(kind, name, spec, {}, path))


def _existing_product(product: Path) -> tuple[Path, str]:
    """Its top folder and its branch."""
    try:
        repository = Repository.containing(product)
        repository.head()
    except GitError as error:
        raise FactoryError(f"{product}: is not a git repository with a commit: {error}") from error
    branch = repository.branch()
    if branch is None:
        raise FactoryError(f"{product}: no branch is checked out; the factory must know where to deliver to")
    return repository.root, branch


def _name_product(folder: Path, where: tuple[Path, str]) -> None:
    """Write the default product into the Policy, as a path relative to the factory."""
    root, branch = where
    relative = os.path.relpath(root, folder.resolve())
    path = folder / "manifests" / "policy.yaml"
    text = path.read_text()
    ref = Ref("Policy", "default")
    text = edit.set_spec(text, ref, "product", {"repository": relative, "branch": branch}, None)
    path.write_text(edit.set_spec(text, ref, "productRoots", [str(Path(relative).parent)], None))
