"""What a person trusts here: pin a branch, a commit or a key, and open a factory to act on it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.actual.fast import EMPTY_PLAN
from reconciler.controller import hosts, signing
from reconciler.controller.factory import Factory, Say
from reconciler.controller.lease import lease
from reconciler.controller.observe import InvalidManifests, observe, read_delta
from reconciler.controller.standing import HEADS, of_another, refuse_keyless, standing
from reconciler.desired import read
from reconciler.git import pin as pins
from reconciler.git.pin import Signatures
from reconciler.git.repository import GitError
from reconciler.git.signature import fingerprint, public_key
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.history import FileRecord
from reconciler.model.objects import Object

KEPT = ("README.md", "minions")
"""of `state/`, where a factory is pinned that came from elsewhere"""


def open_to_act(folder: Path, say: Say) -> Factory:
    """The factory that `folder` lies in, for somebody who changes something.

    Raises Refused before anything is looked at further, unless the pinned branch is checked out and trusted. Where
    nothing is pinned and the Policy asks for no signatures, what is checked out is pinned, and said.
    """
    factory = replace(Factory.open(folder, say), acts=True)
    if pins.read(factory.repository.common) is None:
        _pin_checked_out(factory)
    observe(factory)
    return factory


def trust_branch(folder: Path, name: str) -> list[str]:
    """Pin a branch, at the commit where it is now. What was pinned besides stays."""
    factory = Factory.open(folder)
    try:
        commit = factory.repository.resolve(HEADS + name)
    except GitError as error:
        raise FactoryError(f"{name}: there is no such branch in {factory.root}") from error
    before = pins.read(factory.repository.common)
    if before is not None and before.branch == name and not of_another(factory.repository, before):
        return [f"{name} is pinned already; pin a commit of it with: alai-reconcile trust COMMIT"]
    told = _pin(factory, commit, branch=name)
    return [*told, f"Pinned: branch {name} at {commit[:12]}, and all that it is built on."]


def trust_commit(folder: Path, name: str) -> list[str]:
    """Pin a commit that a person has looked at: it is accepted as it is, and covers all that it is built on."""
    factory = Factory.open(folder)
    try:
        commit = factory.repository.resolve(name)
    except GitError as error:
        raise FactoryError(f"{name}: neither a commit of {factory.root} nor an SSH public key or its file") from error
    told = _pin(factory, commit, branch=None)
    return [*told, f"Pinned: commit {commit[:12]}, and all that it is built on."]


def trust_key(folder: Path, key: str) -> list[str]:
    """Pin a key: its signature is accepted whatever the commits say. Where nothing was pinned, nothing else counts."""
    factory = Factory.open(folder)
    common, told = factory.repository.common, list[str]()
    if _unpinned(factory):
        _set_state_aside(factory)
        told = _begin_anew(factory, _checked_out(factory))
    pin = pins.update(common, lambda old: msgspec.structs.replace(old, keys=(*(k for k in old.keys if k != key), key)))
    _forget_empty_plan(factory)
    return [*told, f"Pinned: key {fingerprint(key)}, for branch {pin.branch}."]


def trust_host(folder: Path, name: str, say: Say) -> str:
    """Let a program of the trusted commit's Fleet run outside of the sandbox, as its entry is now."""
    return hosts.allow(open_to_act(folder, say), name)


def new_key(folder: Path) -> str:
    """Replace the key that this machine's controller signs with. Says what a person does then."""
    factory = replace(Factory.open(folder), acts=True)
    if pins.read(factory.repository.common) is None:
        _checked_out(factory)
    else:
        standing(factory)  # a list on a branch that does not count would leave this machine with a key nobody knows
    return signing.replace_key(factory.repository)


def key_of(text: str) -> str | None:
    """The public key that a person typed, or that stands in the file that he named; None where it is neither."""
    if (key := public_key(text)) is not None:
        return key
    path = Path(text).expanduser()
    try:
        with path.open("rb") as file:
            return public_key(file.read(16384).decode("utf-8", "replace")) if path.is_file() else None
    except OSError:
        return None


def pinned(folder: Path) -> list[str]:
    """What is pinned, in lines for people."""
    repository = Factory.open(folder).repository
    pin = pins.read(repository.common)
    if pin is None:
        return ["Nothing is pinned on this machine; pin the branch with: alai-reconcile trust --branch NAME"]
    return [
        f"branch      {pin.branch}",
        f"signatures  {pin.signatures}",
        *(f"commit      {oid}" for oid in pin.trusted),
        *(f"key         {fingerprint(key)} {key}" for key in pin.keys),
        *([f"controller  {fingerprint(pin.controller)} {pin.controller}"] if pin.controller else []),
        *(f"host        {name} {digest}" for name, digest in sorted(pin.hosts.items())),
        f"kept in     {pins.place(repository.common)}",
    ]


def _pin(factory: Factory, commit: str, branch: str | None) -> list[str]:
    """Pin the commit, and what its Policy asks of the next. Returns what a person should know besides."""
    anew = _unpinned(factory)
    if anew:
        _set_state_aside(factory)
    asked = _signatures(factory, commit)
    if asked != "none":
        pin = None if anew else pins.read(factory.repository.common)
        refuse_keyless(factory, commit, pin.keys if pin else (), asked)
    told = _begin_anew(factory, branch or _checked_out(factory)) if anew else []
    pins.update(
        factory.repository.common,
        lambda old: msgspec.structs.replace(
            old,
            branch=branch or old.branch,
            trusted=(*(oid for oid in old.trusted if oid != commit), commit),
            signatures=asked,
        ),
    )
    _forget_empty_plan(factory)
    return told


def _unpinned(factory: Factory) -> bool:
    """Is nothing pinned here, or only what belongs to a repository that lay at this path before?"""
    pin = pins.read(factory.repository.common)
    return pin is None or of_another(factory.repository, pin)


def _begin_anew(factory: Factory, branch: str, **more: object) -> list[str]:
    """Make a pin in the place of whatever is kept of this path. Returns what a person should hear of that."""
    common = factory.repository.common
    replaced, kept = pins.place(common).exists(), pins.set_key_aside(common)
    pins.create(common, branch, **more)
    told = ["What was pinned of another repository, which lay at this path, is gone."] if replaced else []
    return [*told, *signing.told_of(kept)]


def _signatures(factory: Factory, commit: str) -> Signatures:
    """What the commit's Policy asks of those that follow. Raises InvalidManifests where that cannot be read."""
    changes = factory.repository.changed(None, commit, read.MANIFEST_ROOTS)
    files = [file for file in read_delta(factory, changes).files if file.problems or _policies(file)]
    if problems := [problem for file in files for problem in file.problems]:
        raise InvalidManifests(problems)
    asked = {str(item.spec.get("signatures", "none")) for file in files for item in _policies(file)}
    return "every" if "every" in asked else "head" if "head" in asked else "none"


def _policies(file: FileRecord) -> list[Object]:
    return [item for item in file.objects if item.ref.kind == "Policy"]


def _pin_checked_out(factory: Factory) -> None:
    """Raises Refused where the Policy asks for signatures: then a person says where trust begins."""
    branch = _checked_out(factory)
    commit = factory.repository.head()
    _set_state_aside(factory)
    asked = _signatures(factory, commit)
    if asked != "none":
        raise Refused(
            f"commit {commit[:12]} is not trusted: its Policy asks for signatures ({asked}), and nothing is pinned on "
            f"this machine; look at it, then pin it: alai-reconcile trust {commit[:12]}, or whose signature counts: "
            "alai-reconcile trust KEY"
        )
    for line in _begin_anew(factory, branch, trusted=(commit,)):
        factory.say(line)
    factory.say(
        f"Pinned: branch {branch} of {factory.root} at {commit[:12]}, as it is checked out; only it counts on this "
        "machine from now on (see: alai-reconcile trust)."
    )


def _checked_out(factory: Factory) -> str:
    branch = factory.repository.branch()
    if branch is None:
        raise Refused(f"{factory.root}: no branch is checked out, so none can be pinned; run: git switch BRANCH")
    return branch


def _set_state_aside(factory: Factory) -> None:
    """Drop a `state/` that came along from elsewhere: nothing in it was written by who acts here now."""
    with lease(factory.lock("controller"), "trust"):
        for entry in os.scandir(factory.state):
            if entry.name in KEPT or entry.name.endswith(".lock"):
                continue
            if left := trees.remove(Path(entry.path)):
                raise Refused(f"state/ came from elsewhere, and cannot be put away: {left}; remove it, then go on")


def _forget_empty_plan(factory: Factory) -> None:
    factory.store.set_note(EMPTY_PLAN, None)
