"""Makes the factories that are measured: the default one with many tasks added. Measures nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BIN = Path(sys.executable).parent
ALAI = BIN / "alai-reconcile"
PER_FOLDER = 100
WHO = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")

_TASK = """# yaml-language-server: $schema=../../schemas/task.json
apiVersion: alai.dev/v1
kind: Task
metadata:
  name: {name}
  labels: {{area: "area-{area}", wave: "{wave}"}}
  annotations: {cancelled}
spec:
  title: Add the endpoint that lists order number {number} with its lines
  description: |
{description}
  priority: {priority}
  acceptance:
    - id: answers
      text: The endpoint answers with JSON and the status 200 for an order that exists
      check: test -f api/orders/{number}.json
    - id: refuses
      text: An order of somebody else is answered with 404 and nothing about its content
"""
CANCELLED = '{alai.dev/cancelled: "measured, not worked on"}'
_LINE = "    The customer of order {number} sees in line {line} what was bought, when, and at which price.\n"

_TRIVIAL = """apiVersion: alai.dev/v1
kind: Task
metadata:
  name: {name}
spec:
  title: Do nothing, number {number}
  pipeline: trivial
  company: codecraft
  complexity: 2
"""
_TRIVIAL_PARTS = {
    "manifests/fleet.yaml": """apiVersion: alai.dev/v1
kind: Fleet
metadata:
  name: default
spec:
  hosts:
    - {name: here, kind: embedded, capacity: 16, models: [{name: none, numCtx: 1024}]}
  tiers:
    - {tier: 1, chain: [{backend: embedded, model: none, hosts: [here]}]}
    - {tier: 2, chain: [{backend: embedded, model: none, hosts: [here]}]}
    - {tier: 3, chain: [{backend: embedded, model: none, hosts: [here]}]}
    - {tier: 4, chain: [{backend: embedded, model: none, hosts: [here]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
""",
    "manifests/pipelines/trivial.yaml": """apiVersion: alai.dev/v1
kind: Pipeline
metadata:
  name: trivial
spec:
  stages:
    - {name: BUILD, blueprint: trivial}
""",
    "manifests/blueprints/trivial/blueprint.yaml": """apiVersion: alai.dev/v1
kind: Blueprint
metadata:
  name: trivial
spec:
  phases:
    - {name: nothing, run: {command: ["true"]}}
  gates:
    - {id: "true", text: The command true ends well, check: "true"}
""",
}


def quiet(folder: Path, count: int) -> Path:
    """A factory with `count` settled tasks of about 1 KB, a hundred files a folder: nothing differs.

    They are cancelled ones, so that the tree holds these manifests and nothing else for `git status` to look at.
    """
    root = _initial(folder)
    commit(root, _settled(count))
    return root


def trivial(folder: Path, count: int) -> Path:
    """A factory with `count` tasks that run `true` in the sandbox and have it as their gate; no product, no model."""
    root = _initial(folder)
    policy = root / "manifests" / "policy.yaml"
    policy.write_text(policy.read_text().replace("sandbox: required ", "sandbox: preferred"))
    files = dict(_TRIVIAL_PARTS)
    files["manifests/policy.yaml"] = policy.read_text()
    commit(root, iter(files.items()))
    commit(
        root,
        (
            (f"manifests/tasks/{number // PER_FOLDER:04}/{name}.yaml", _TRIVIAL.format(name=name, number=number))
            for number in range(count)
            for name in [f"trivial-{number:05}"]
        ),
    )
    return root


def edit_ten(root: Path, turn: int, count: int) -> None:
    """Take up ten tasks, spread over the folders, every other turn, and give them up again in the next; commit."""
    for at in range(10):
        path = root / _place((turn // 2 * 7 + at * (count // 10)) % count)
        text = path.read_text()
        path.write_text(text.replace(*((CANCELLED, "{}") if turn % 2 == 0 else ("{}", CANCELLED)), 1))
    git(root, *WHO, "commit", "--quiet", "--all", "--message", f"Change ten tasks, turn {turn}")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def commit(root: Path, files: Iterator[tuple[str, str]]) -> None:
    """Commit the files and check them out: one fast-import, since adding 100,000 files takes minutes."""
    importer = subprocess.Popen(["git", "fast-import", "--quiet", "--date-format=now"], cwd=root, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    say = importer.stdin.write
    message = b"Add tasks"
    say(b"commit refs/heads/main\ncommitter bench <bench@localhost> now\ndata %d\n%s\n" % (len(message), message))
    say(b"from refs/heads/main^0\n")
    for path, text in files:
        data = text.encode()
        say(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    importer.stdin.close()
    if importer.wait():
        raise RuntimeError("git fast-import failed")
    git(root, "reset", "--quiet", "--hard")


def _initial(folder: Path) -> Path:
    root = folder / "factory"
    subprocess.run([ALAI, "init", root], check=True, stdout=subprocess.DEVNULL)
    return root


def _settled(count: int) -> Iterator[tuple[str, str]]:
    for number in range(count):
        lines = "".join(_LINE.format(number=number, line=line) for line in range(1, 5)).rstrip("\n")
        yield (
            _place(number),
            _TASK.format(
                name=_name(number),
                number=number,
                area=number % 17,
                wave=number // 1000,
                priority="HML"[number % 3],
                description=lines,
                cancelled=CANCELLED,
            ),
        )


def _name(number: int) -> str:
    return f"task-{number:06}"


def _place(number: int) -> str:
    return f"manifests/tasks/{number // PER_FOLDER:04}/{_name(number)}.yaml"
