"""The small factory that minions run in: the tool's own one, or a copy of what a factory at hand is made of.

It holds the machinery (pipelines, policy, fleet, companies) and the minions' tasks, nothing else. A minion so works on
any repository, touches no goal of anybody, and leaves the same evidence as everything else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from reconciler.controller.discover import discover
from reconciler.controller.factory import Factory, Say
from reconciler.controller.init import BRANCH, machinery
from reconciler.controller.lease import lease, lock_file
from reconciler.controller.observe import observe
from reconciler.controller.pinning import open_to_act
from reconciler.controller.signing import begin, own_key
from reconciler.controller.standing import of_another
from reconciler.controller.writer import PATIENCE
from reconciler.desired import edit
from reconciler.git import pin as pins
from reconciler.git.repository import SYMLINK, GitError, Repository
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.refs import Ref

KEPT = ("manifests/minions/", "manifests/generated/")
"""what is the minions' own: everything else below the machinery's folders is replaced when it changes at its source"""
FOLDERS = ("manifests", "companies", "schemas", "config")
PIPELINE = "minion"
_POLICY_FILE = "manifests/policy.yaml"
_PIPELINE_FILE = "manifests/pipelines/minion.yaml"
_SEED = "seed"
"""file in the home's `.git`: digest of the machinery that it was made of"""


def home(folder: Path) -> tuple[Path, Factory | None]:
    """Where minions live, and the factory that `folder` lies in, if any."""
    try:
        factory = Factory.open(folder)
    except FactoryError:
        factory = None
    if factory is None or not _is_factory(factory.root):
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(state) / "alai-reconcile" / "minions", None
    return factory.state / "minions", factory


def open_home(folder: Path, say: Say) -> tuple[Factory, Factory | None]:
    """The minions' factory, made or brought up to date, and the one at hand, both to act on. Raises FactoryError."""
    place, source = home(folder)
    if source is not None:
        source = open_to_act(source.root, say)  # what it says of programs and rules is about to be carried out
    parts = _of_factory(source) if source else _of_tool()
    state = place / "state"
    state.mkdir(parents=True, exist_ok=True)
    with lease(state / "making.lock", "minion", wait=PATIENCE):
        made = (place / ".git").exists()
        with lease(lock_file(place, "writer"), "minion", wait=PATIENCE) if made else contextlib.nullcontext():
            _bring_up_to_date(place, parts)
        if source is not None:
            _allow_same(source, place)
    return open_to_act(place, say), source


def _bring_up_to_date(place: Path, parts: dict[str, bytes]) -> None:
    new = not (place / ".git").exists()
    pin = None if new else pins.read(place / ".git")
    if not new and (pin is None or of_another(Repository(place), pin)):
        raise Refused(
            f"{place}: came from elsewhere, for nothing is pinned of it on this machine; move it away, or pin it: "
            f"alai-reconcile -C {place} trust --branch {BRANCH}"
        )
    digest = _digest(parts)
    marker = place / ".git" / _SEED
    if new or not marker.is_file() or marker.read_text() != digest:
        _replace(place, parts)
        repository = Repository(place)
        if new:
            begin(place, BRANCH, "Take over the machinery")
        elif repository.worktree_changes([]):
            repository.commit_everything("Take over the machinery", own_key(repository))
        marker.write_text(digest)


def _allow_same(source: Factory, place: Path) -> None:
    """What a person lets run outside of the sandbox in the factory at hand, each as its entry is, may here too."""
    pin = pins.read(source.repository.common)
    if pin is not None:
        pins.update(place / ".git", lambda old: msgspec.structs.replace(old, hosts=pin.hosts))


def existing_home(folder: Path) -> Factory | None:
    """The minions' factory where one was made already."""
    place, _ = home(folder)
    return Factory.open(place) if (place / ".git").exists() else None


def project(path: Path) -> tuple[Path, str]:
    """The repository that `path` lies in and its checked-out branch. Raises Refused where no minion can work there."""
    try:
        repository = Repository.containing(path)
        repository.head()
    except GitError as error:
        told = "a minion works in a git repository with at least one commit"
        raise Refused(f"{path}: {told}; run: git init, git add, git commit ({error})") from error
    branch = repository.branch()
    if branch is None:
        raise Refused(f"{repository.root}: no branch is checked out; run: git switch BRANCH")
    if _is_factory(repository.root):
        raise Refused(f"{repository.root}: is a factory; name the product with --project PATH")
    return repository.root, branch


def _is_factory(root: Path) -> bool:
    """Many a product has `manifests/`; companies are a factory's own."""
    return (root / "manifests").is_dir() and (root / "companies").is_dir()


def _of_tool() -> dict[str, bytes]:
    fleet, _ = discover()
    path = "manifests/fleet.yaml"
    files = machinery() | {path: edit.render("Fleet", "default", fleet, {}, path).encode()}
    return _anywhere(files, _POLICY_FILE)


def _of_factory(factory: Factory) -> dict[str, bytes]:
    """What the trusted commit has, without goals and tasks; the pipeline for minions is added where it has none."""
    commit = observe(factory)
    entries = [item for item in factory.repository.changed(None, commit, list(FOLDERS)) if item.mode != SYMLINK]
    asked = {item.position.path for kind in ("Goal", "Task") for item in factory.store.objects(kind)}
    wanted = {item.path: item.new or "" for item in entries if item.path not in asked}
    bodies = dict(factory.repository.blobs(set(wanted.values())))
    files = {path: bodies[oid] for path, oid in wanted.items()}
    shipped = machinery()
    if not factory.store.find(Ref("Pipeline", PIPELINE)):
        files[_PIPELINE_FILE] = shipped[_PIPELINE_FILE]
    policies = factory.store.objects("Policy")
    path = policies[0].position.path if policies else _POLICY_FILE
    files.setdefault(path, shipped[_POLICY_FILE])
    return _anywhere(files, path, policies[0].name if policies else "default") | {".gitignore": shipped[".gitignore"]}


def _anywhere(files: dict[str, bytes], policy: str, name: str = "default") -> dict[str, bytes]:
    """A minion works where the person at the keyboard says; agents name no product."""
    text = edit.set_spec(files[policy].decode(), Ref("Policy", name), "productRoots", ["/"], None)
    return files | {policy: text.encode()}


def _replace(place: Path, parts: dict[str, bytes]) -> None:
    for folder in FOLDERS:
        for path in sorted((place / folder).rglob("*"), reverse=True):
            name = path.relative_to(place).as_posix()
            if path.is_file() and name not in parts and not name.startswith(KEPT):
                path.unlink()
    for name, body in parts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(body)


def _digest(parts: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(parts):
        whole.update(f"{name}\0{hashlib.sha256(parts[name]).hexdigest()}\n".encode())
    return whole.hexdigest()
