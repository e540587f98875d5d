"""A tiny factory with real git, real processes and no model: made in a moment, driven through the command line only.

Its one company works by shell scripts. What a task does is said by words in its title: see `WORK`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from reconciler.git import pin as pins

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "alai-reconcile"

WORK = """\
# ends badly, is slow, writes into a file that others write too; always writes its own file
case "$ALAI_TITLE" in *FAILS*) echo "cannot do that" >&2; exit 1;; esac
case "$ALAI_TITLE" in *SLOW*) sleep 1.5;; esac
mkdir -p work
# a rework takes away what was objected to
case "$ALAI_TITLE" in Rework*) sed -i.old s/BLOCKER/mended/g work/*.txt; rm -f work/*.old;; esac
case "$ALAI_TITLE" in *SHARED*) echo "$ALAI_TASK" > work/shared.txt;; esac
echo "$ALAI_TITLE" | sed "/^Rework/s/BLOCKER/mended/g" > "work/$ALAI_TASK.txt"
"""

FIX = """\
sed -i.old s/MINOR/settled/ work/*.txt
rm -f work/*.old
echo yes > work/fixed.txt
"""

MANIFESTS = {
    "policy": """
apiVersion: alai.dev/v1
kind: Policy
metadata: {name: default}
spec:
  productRoots: [".."]
  product: {repository: ../product, branch: main}
  sandbox: preferred
  retry: {attempts: 3, backoff: 100ms, maxBackoff: 200ms}
  human:
    - {id: ceo, any: [ceo decision], reason: A model does not decide for the company.}
""",
    "pipeline": """
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages:
    - {name: BUILD}
    - {name: REVIEW, title: "[{PRODUCT}-{stage}] Code review: {title}", blueprint: review, readOnly: true}
  mergeAfter: REVIEW
  maxRejections: 2
""",
    "fleet": """
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: local, kind: embedded, capacity: 2, models: [{name: none, offers: [text, schema]}]}
  tiers:
    - {tier: 1, chain: [{backend: embedded, model: none, hosts: [local]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
""",
    "routing": """
apiVersion: alai.dev/v1
kind: Routing
metadata: {name: default}
spec:
  rules:
    - {id: words, any: [prose], type: prose}
    - {id: prose, when: {type: prose}, blueprint: needs-tools}
    - {id: hard, any: [hard decision], complexity: 5}
  default: {domain: code, type: feature, complexity: 1, company: works, blueprint: build}
""",
    "blueprints/build/blueprint": """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: build}
spec:
  phases:
    - {name: work, role: builder, run: {command: [sh, -c, 'exec sh "$BLUEPRINT/work.sh"']}}
  gates:
    - {id: written, text: its file is there, check: 'test -s "work/$ALAI_TASK.txt" || test -s work/fixed.txt'}
""",
    "blueprints/fix/blueprint": """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: fix}
spec:
  phases:
    - {name: work, role: builder, run: {command: [sh, -c, 'exec sh "$BLUEPRINT/fix.sh"']}}
""",
    "blueprints/review/blueprint": """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: review}
spec:
  phases:
    - {name: look, role: reviewer, run: {checks: true}}
  checks:
    - id: never-content
      title: Please the reviewer
      severity: blocker
      check: '[ "$ALAI_STAGE" != REVIEW ] || ! grep -q STUBBORN work/*.txt'
    - {id: objection, title: Take the objection away, severity: blocker, check: "! grep -q BLOCKER work/*.txt"}
    - {id: small-thing, title: Settle the small thing, check: "! grep -q MINOR work/*.txt", fix: {blueprint: fix}}
""",
    "blueprints/needs-tools/blueprint": """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: needs-tools}
spec:
  phases:
    - {name: think, role: builder, needs: [tools], agent: {prompt: Do it with your tools.}}
""",
    "agents": """
apiVersion: alai.dev/v1
kind: Agent
metadata: {name: builder}
spec: {company: works, role: builder}
---
apiVersion: alai.dev/v1
kind: Agent
metadata: {name: reviewer}
spec: {company: works, role: reviewer, writes: nothing}
""",
}
COMPANY = """
apiVersion: alai.dev/v1
kind: Company
metadata: {name: works}
spec:
  title: The Works
  agents: {builder: builder, reviewer: reviewer}
"""


@dataclass
class TinyFactory:
    """The factory lies in `folder/factory`, its product beside it. `environment` is added to every process."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    command: Path = COMMAND

    @property
    def root(self) -> Path:
        return self.folder / "factory"

    @property
    def product(self) -> Path:
        return self.folder / "product"

    def cli(self, *args: str, timeout: float = 120, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command as a user does. Never raises for an exit code."""
        return subprocess.run(
            [self.command, *args],
            cwd=cwd or self.root,
            env={**environment(), **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Run the command beside the test. The caller waits for it."""
        return subprocess.Popen(
            [self.command, *args],
            cwd=self.root,
            env={**environment(), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ok(self, *args: str, code: int = 0, timeout: float = 120) -> str:
        """The output of a command that must end with `code`."""
        done = self.cli(*args, timeout=timeout)
        assert done.returncode == code, f"{args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout

    def json(self, *args: str, code: int = 0) -> Any:
        """What a command that only looks says, as data. Within this process: it is asked very often."""
        from cli.main import run

        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            ended = run(["-C", str(self.root), *args, "-o", "json"])
        assert ended == code, f"{args} ended with {ended}: {said.getvalue()}"
        return json.loads(said.getvalue())

    def tasks(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.json("list", "tasks")}

    def show(self, name: str) -> dict[str, Any]:
        return self.json("show", f"Task/{name}")

    def task(self, name: str, title: str, **spec: Any) -> None:
        """Write a task's manifest, not yet committed."""
        self.write(f"manifests/tasks/{name}.yaml", manifest("Task", name, {"title": title, **spec}))

    def goal(self, name: str, title: str, **spec: Any) -> None:
        self.write(f"manifests/goals/{name}.yaml", manifest("Goal", name, {"title": title, **spec}))

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def commit(self, message: str = "change") -> str:
        """Commit everything, as the person."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.head

    def git(self, *args: str, at: Path | None = None) -> str:
        return git(at or self.root, *args)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def message(self, revision: str = "HEAD") -> str:
        return self.git("log", "-1", "--format=%B", revision)

    def copy(self, folder: Path) -> TinyFactory:
        """The same factory somewhere else: product, state and all."""
        shutil.copytree(self.folder, folder, symlinks=True)
        copied = TinyFactory(folder, dict(self.environment))
        copied.pin()
        return copied

    def pin(self) -> None:
        """Trust the branch main as it is, as `init` does."""
        pins.create(self.root / ".git", "main", trusted=(self.head,))


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def here(factory: TinyFactory, *command: str) -> Said:
    """Run a command that ends soon within this process."""
    from cli.main import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(factory.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(command))
    return Said(code, out.getvalue(), err.getvalue())


def manifest(kind: str, name: str, spec: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> str:
    metadata = {"name": name, **({"labels": dict(labels)} if labels else {})}
    document = {"apiVersion": "alai.dev/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
    return yaml.safe_dump(document, sort_keys=False)


def environment() -> dict[str, str]:
    """Nobody's configuration but the repository's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "OLLAMA_"))}
    return {**kept, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, f"git {args}: {done.stderr}"
    return done.stdout.strip()


def repository(folder: Path) -> None:
    """An empty repository in which a person can commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Pat")
    git(folder, "config", "user.email", "pat@example.org")


def build(folder: Path) -> TinyFactory:
    """A new factory with no task, and a product with one file."""
    made = TinyFactory(folder)
    repository(made.product)
    (made.product / "README.md").write_text("# A product\n")
    git(made.product, "add", "-A")
    git(made.product, "commit", "-qm", "first")
    repository(made.root)
    for name, text in MANIFESTS.items():
        made.write(f"manifests/{name}.yaml", text.lstrip())
    made.write("manifests/blueprints/build/work.sh", WORK)
    made.write("manifests/blueprints/fix/fix.sh", FIX)
    made.write("companies/works/company.yaml", COMPANY.lstrip())
    made.write("companies/works/CLAUDE.md", "# The Works\n")
    made.write(".gitignore", "state/\n")
    made.commit("Make a factory")
    made.pin()
    return made


def until(met: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until it is so. Fails where it is not in time."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
