"""Every way to make git start a program or open a connection that a repository's own files can name, one by one.

Each text is appended to `.git/config`; EVIL is a program that leaves a mark (the canary) and FOLDER is where it lies.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_EXT = '[protocol "ext"]\n\tallow = always\n'
_PROMISED = """[core]
	repositoryformatversion = 1
[extensions]
	partialClone = origin
[remote "origin"]
	promisor = true
	partialclonefilter = blob:none
"""

WAYS = {
    "insteadOf ext": f'{_EXT}[url "ext::EVIL "]\n\tinsteadOf = /\n',
    "insteadOf ssh": '[protocol "ssh"]\n\tallow = always\n'
    '[core]\n\tsshCommand = EVIL\n[url "ssh://x/"]\n\tinsteadOf = /\n',
    "insteadOf git": "[protocol]\n\tallow = always\n"
    '[core]\n\tgitProxy = EVIL\n[url "git://127.0.0.1:1/"]\n\tinsteadOf = /\n',
    "insteadOf file": '[protocol "file"]\n\tallow = always\n[url "FOLDER/other.git/"]\n\tinsteadOf = /\n',
    "pushInsteadOf": f'{_EXT}[url "ext::EVIL "]\n\tpushInsteadOf = /\n',
    "promisor ext": f"{_PROMISED}\turl = ext::EVIL %s\n{_EXT}",
    "promisor uploadpack": f"{_PROMISED}\turl = FOLDER/other.git\n\tuploadpack = EVIL\n[protocol]\n\tallow = always\n",
    "promisor vcs": f"{_PROMISED}\turl = x\n\tvcs = evil\n[protocol]\n\tallow = always\n",
    "receivepack": '[remote "origin"]\n\turl = FOLDER/other.git\n\treceivepack = EVIL\n\tuploadpack = EVIL\n',
    "include": "[include]\n\tpath = FOLDER/second\n",
    "includeIf": '[includeIf "gitdir:/"]\n\tpath = FOLDER/second\n[includeIf "onbranch:**"]\n\tpath = FOLDER/second\n',
    "worktreeConfig": "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tworktreeConfig = true\n",
    "hooksPath": "[core]\n\thooksPath = FOLDER/hooks\n",
    "fsmonitor": "[core]\n\tfsmonitor = EVIL\n\tuntrackedCache = true\n[feature]\n\tmanyFiles = true\n",
    "alternateRefsCommand": "[core]\n\talternateRefsCommand = EVIL\n",
    "asking": "[core]\n\taskPass = EVIL\n\tpager = EVIL\n\teditor = EVIL\n"
    "[pager]\n\tstatus = EVIL\n[sequence]\n\teditor = EVIL\n",
    "credentials": '[credential]\n\thelper = !EVIL\n[credential "https://x"]\n\thelper = !EVIL\n',
    "gpg": "".join(f"[gpg{sort}]\n\tprogram = EVIL\n" for sort in ("", ' "ssh"', ' "x509"', ' "openpgp"'))
    + '[gpg "ssh"]\n\tdefaultKeyCommand = EVIL\n'
    + "[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n[log]\n\tshowSignature = true\n",
    "filters": '[filter "x"]\n\tclean = EVIL\n\tsmudge = EVIL\n\trequired\n[filter "a=b"]\n\tprocess = EVIL\n'
    "[filter]\n\tclean = EVIL\n[core]\n\tautocrlf = input\n",
    "diff drivers": "[diff]\n\texternal = EVIL\n"
    '[diff "x"]\n\ttextconv = EVIL\n\tcommand = EVIL\n\tcachetextconv = true\n',
    "merge drivers": '[merge]\n\tdefault = x\n[merge "x"]\n\tdriver = EVIL\n[merge "union"]\n\tdriver = EVIL\n'
    "[mergetool]\n\tcmd = EVIL\n",
    "trace2": "[trace2]\n\teventTarget = FOLDER/CANARY\n\tnormalTarget = FOLDER/CANARY\n\tperfTarget = FOLDER/CANARY\n",
    "alias": "[alias]\n"
    + "".join(f"\t{name} = !EVIL\n" for name in ("rev-parse", "log", "status", "ls-tree", "cat-file", "diff-tree")),
    "trailers": '[trailer "alai-execution"]\n\tcommand = EVIL\n\tcmd = EVIL\n',
    "submodules": "[submodule]\n\trecurse = true\n"
    '[submodule "x"]\n\tactive = true\n\tupdate = !EVIL\n\turl = ext::EVIL\n'
    f"[fetch]\n\trecurseSubmodules = true\n{_EXT}",
    "packObjectsHook": "[uploadpack]\n\tpackObjectsHook = EVIL\n[receive]\n\tprocReceiveRefs = refs\n",
    "maintenance": "[gc]\n\tauto = 1\n\trecentObjectsHook = EVIL\n[maintenance]\n\tauto = true\n",
    "worktree elsewhere": "[core]\n\tworktree = FOLDER/victim\n",
    "not a configuration": "what is this [\n",
}
"""that nothing of it is read shows best in the last one: git itself would refuse to work there at all"""

HOOKS = (
    *("post-checkout", "pre-commit", "reference-transaction", "post-index-change", "post-merge", "commit-msg"),
    *("post-commit", "update", "pre-receive", "post-receive", "post-update", "proc-receive", "pre-auto-gc"),
    *("push-to-checkout", "fsmonitor-watchman", "pre-push", "prepare-commit-msg", "applypatch-msg", "pre-rebase"),
)
ATTRIBUTES = "* filter=x diff=x merge=x ident export-subst\n*.txt eol=crlf filter=a=b\n"


def canary(folder: Path) -> Path:
    """The mark that EVIL leaves, not there yet; `folder` also gets what the ways refer to."""
    mark, evil = folder / "CANARY", folder / "evil.sh"
    evil.write_text(f"#!/bin/sh\necho \"$0 $*\" | head -c 300 >> '{mark}'\ncat\nexit 1\n")
    evil.chmod(0o755)
    (folder / "git-remote-evil").symlink_to(evil)
    (folder / "victim").mkdir()
    (folder / "hooks").mkdir()
    for hook in HOOKS:
        (folder / "hooks" / hook).symlink_to(evil)
    subprocess.run(["git", "init", "-q", "--bare", folder / "other.git"], check=True)
    every = "".join(text for name, text in WAYS.items() if name not in _ALONE)
    (folder / "second").write_text(_filled(every, folder))
    return mark


_ALONE = ("include", "includeIf", "worktree elsewhere", "not a configuration", "worktreeConfig")


def arm(product: Path, folder: Path, *ways: str) -> None:
    """Write these ways (default: all that git can read together) into a repository. `folder`: see `canary`."""
    wanted = ways or tuple(name for name in WAYS if name not in ("worktree elsewhere", "not a configuration"))
    git_dir = product / ".git"
    with (git_dir / "config").open("a") as config:
        config.write("".join(_filled(WAYS[way], folder) for way in wanted))
    (git_dir / "config.worktree").write_text("[core]\n\tfsmonitor = " + str(folder / "evil.sh") + "\n")
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info/attributes").write_text(ATTRIBUTES)
    (git_dir / "hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        (git_dir / "hooks" / hook).unlink(missing_ok=True)
        (git_dir / "hooks" / hook).symlink_to(folder / "evil.sh")
    for file in product.rglob("*"):
        if ".git" not in file.parts and file.is_file():
            file.touch()  # what looks changed is read again, through a filter


def lose(product: Path, what: str) -> None:
    """Take one object away, as in a clone that has only a part: `commit`, `tree` or `blob`."""
    rev = {"commit": "HEAD~1", "tree": "HEAD:src", "blob": "HEAD:README.md"}[what]
    done = subprocess.run(["git", "rev-parse", rev], cwd=product, capture_output=True, text=True, check=True)
    oid = done.stdout.strip()
    (product / ".git/objects" / oid[:2] / oid[2:]).unlink()


def _filled(text: str, folder: Path) -> str:
    return text.replace("EVIL", str(folder / "evil.sh")).replace("FOLDER", str(folder))
