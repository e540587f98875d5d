"""Whether a commit of the factory repository may be acted on: the Policy's `signatures`. Decides nothing else.

Keys come from a commit that is trusted already, never from the one under judgement: a commit cannot let itself in.
A signature speaks for the whole history below it. The controller's own commits are not signed; this machine knows them
by the ref that moves with every one of them (see `run.RECORDED`), and they only ever build on trusted commits.
"""

from __future__ import annotations

from typing import Literal

from reconciler.git.errors import GitError
from reconciler.git.repository import Repository
from reconciler.git.run import RECORDED, decode, run

SIGNERS = ".alai/allowed_signers"
"""in the factory repository; one line per key (the ALLOWED SIGNERS format of ssh-keygen)"""


def check(
    repo: Repository, commit: str, policy_signatures: Literal["none", "required"], trusted: str | None = None
) -> str | None:
    """Why `commit` is not trusted, as one sentence; None where it is.

    `trusted`: a commit that was accepted before. Going up from it (or from the controller's last commit, where that is
    further on), each commit signed by a key that the last trusted one allows is trusted in turn. Where nothing was
    trusted before, the first look takes the commit's own list of keys.
    """
    if policy_signatures == "none":
        return None
    base = _furthest(repo, commit, trusted)
    if base is None:
        return _verify(repo, commit, commit)
    if repo.is_ancestor(commit, base):
        return None
    why = None
    listed = run(repo.root, "rev-list", "--reverse", "--first-parent", commit, f"^{base}").stdout
    for oid in decode(listed).split():
        why = _verify(repo, oid, base)
        if why is None:
            base = oid
    return why


def _furthest(repo: Repository, commit: str, trusted: str | None) -> str | None:
    """The trusted commit to start from: of those on `commit`'s line, the one furthest on."""
    known = [trusted] if trusted else []
    done = run(repo.root, "rev-parse", "--verify", "--quiet", RECORDED, accept=(0, 1))
    if recorded := decode(done.stdout).strip():
        known.append(recorded)
    related = [oid for oid in known if repo.is_ancestor(oid, commit) or repo.is_ancestor(commit, oid)]
    if not related:
        return trusted or recorded or None
    first, *rest = related
    for oid in rest:
        first = oid if repo.is_ancestor(first, oid) else first
    return first


def _verify(repo: Repository, commit: str, trusted: str) -> str | None:
    try:
        signers = repo.read(trusted, SIGNERS)
    except GitError:
        return f"the Policy requires signatures and {trusted[:12]} has no {SIGNERS}"
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="alai-signers-") as file:
        file.write(signers)
        file.flush()
        config = (
            "gpg.ssh.program=ssh-keygen",
            f"gpg.ssh.allowedSignersFile={file.name}",
            "gpg.minTrustLevel=fully",
            "gpg.program=false",
            "gpg.x509.program=false",
        )
        done = run(repo.root, "verify-commit", commit, config=config, accept=range(256))
    if done.returncode == 0:
        return None
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    said = f" ({lines[-1]})" if lines else ""
    return f"{commit[:12]} carries no signature by a key that {SIGNERS} of {trusted[:12]} allows{said}"
