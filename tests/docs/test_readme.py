"""Every command of the README, run in an empty folder as a newcomer would type it.

Three things are put in place of what a newcomer has: `URL` is this checkout; the clone's `.venv` is a link to the one
the tests run in, so that `make` installs nothing; and Ollama is a stand-in that speaks its protocol
(`tests/standins`), or an address where nobody listens. `PROJECT` is made beforehand. Nothing else is changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.vocabulary import Reason
from tests.docs.readme import ROOT, Command, blocks, sections
from tests.standins.ollama import OllamaStandIn

README = sections()
ENTERING = 1
"""the command of "Your first goal" that goes into an empty folder; the tests are in one"""
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *ROOT.glob("[de]*s/*.md")])
NOBODY = "127.0.0.1:9"
PAGE = (
    "# Using hello\n\nImport `greet` from `hello.py`: it greets a person by name.\n\nRun the tests with `make test`.\n"
)


class Newcomer:
    """A shell in `folder` that remembers where it is and what was exported, and answers for every exit code."""

    def __init__(self, folder: Path, ollama: str) -> None:
        self.folder = folder
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "ALAI_"))}
        self.env |= {
            "OLLAMA_HOST": ollama,
            "XDG_STATE_HOME": str(folder / "state"),
            "GIT_AUTHOR_NAME": "New Comer",
            "GIT_AUTHOR_EMAIL": "new@comer.example",
            "GIT_COMMITTER_NAME": "New Comer",
            "GIT_COMMITTER_EMAIL": "new@comer.example",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def type(self, command: Command) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", command.text],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=280,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode in command.exits, f"{command.text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def follow(self, heading: str, *, skip: int = 0) -> str:
        said = ""
        saved = False
        for command in README[heading].commands[skip:]:
            if "validate" in command.text and not saved:
                saved = True
                self.save(README[heading].files)
            said += self.type(command)
        return said

    def project(self) -> None:
        """The repository that a newcomer has already."""
        self.type(Command("git init -q -b main PROJECT && echo '# Project' > PROJECT/README.md", frozenset({0})))
        self.type(Command("git -C PROJECT add . && git -C PROJECT commit -q -m 'Begin'", frozenset({0})))

    def save(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def writer(body: dict[str, Any]) -> str:
    """What a good model would answer to each of the blueprints that the first goal meets."""
    asked = (body.get("format") or {}).get("properties", {})
    if "complexity" in asked:
        return json.dumps(
            {
                "domain": "docs",
                "type": "docs",
                "complexity": 2,
                "sensitive": "no",
                "sure": True,
                "why": "It wants a page.",
            }
        )
    if "files" in asked:
        return json.dumps({"summary": "For newcomers.", "files": [{"path": "docs/usage.md", "content": PAGE}]})
    if "findings" in asked:
        return json.dumps({"summary": "The page says what was asked for, and both commands exist.", "findings": []})
    return "Reader: a newcomer. File: docs/usage.md. Heading: Using hello. Facts: greet in hello.py, make test."


@pytest.fixture
def ollama() -> Iterator[str]:
    with OllamaStandIn(writer, models=("qwen3:8b",), capabilities=("completion",)) as server:
        yield f"127.0.0.1:{server.port}"


@pytest.mark.slow
def test_the_first_goal_is_reached_with_ollama(tmp_path: Path, ollama: str) -> None:
    newcomer = Newcomer(tmp_path, ollama)
    newcomer.project()
    assert " done " in newcomer.follow("Try it on a repository of yours")
    newcomer.follow("Your first goal", skip=ENTERING)
    assert newcomer.follow("With Ollama").endswith(PAGE)
    assert "done=3" in newcomer.follow("What you have now")
    newcomer.follow("Every day")
    newcomer.follow("The Fleet")


@pytest.mark.slow
def test_the_first_goal_is_reached_without_a_model(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path, NOBODY)
    newcomer.project()
    assert " human " in newcomer.follow("Try it on a repository of yours")
    newcomer.follow("Your first goal", skip=ENTERING)
    assert "Settled: nothing differs." in newcomer.follow("Without a model")
    assert "done=3" in newcomer.follow("What you have now")
    newcomer.follow("Every day")


def test_the_demo_and_the_installation_work_in_a_fresh_clone(tmp_path: Path) -> None:
    """`make demo` itself is only asked what it would do: it takes minutes, and the end-to-end tests run its parts."""
    newcomer = Newcomer(tmp_path, NOBODY)
    clone, demo, *look = README["See it run"].commands
    newcomer.type(Command(clone.text.replace("URL", str(ROOT)), clone.exits))
    newcomer.folder = tmp_path / "alai-reconcile"
    (newcomer.folder / ".venv").symlink_to(Path(sys.prefix))
    wanted = newcomer.type(Command(f"{demo.text} --dry-run", demo.exits))
    assert 'alai-reconcile init --example bento "demo"' in wanted
    assert 'alai-reconcile -C "demo/factory" apply' in wanted
    newcomer.type(Command(".venv/bin/alai-reconcile init --example bento demo", frozenset({0})))
    for command in look:
        if not command.text.endswith(" apply"):
            newcomer.type(command)
    [install] = README["Install"].commands
    enter = README["Your first goal"].commands[0]
    newcomer.type(Command(f"{install.text}; {enter.text}; alai-reconcile --version", frozenset({0})))


def test_every_heading_with_commands_is_followed() -> None:
    assert {heading for heading, section in README.items() if section.commands} == {
        "See it run",
        "Install",
        "Try it on a repository of yours",
        "Your first goal",
        "With Ollama",
        "Without a model",
        "What you have now",
        "Every day",
        "The Fleet",
    }


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    newcomer = Newcomer(tmp_path_factory.mktemp("documented"), NOBODY)
    newcomer.type(Command("alai-reconcile init factory", frozenset({0})))
    return newcomer


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(ROOT / page, "yaml")])
def test_every_manifest_in_the_documentation_is_valid(page: str, factory: Newcomer) -> None:
    """Beside the default factory's, since manifests refer to each other."""
    found = {
        f"factory/manifests/shown/{number}.yaml": block for number, block in enumerate(blocks(ROOT / page, "yaml"))
    }
    factory.save(found)
    try:
        assert "objects are valid" in factory.type(
            Command("alai-reconcile -C factory validate --worktree", frozenset({0}))
        )
    finally:
        for path in found:
            (factory.folder / path).unlink()


@pytest.mark.parametrize("page", PAGES)
def test_links_in_the_documentation_lead_somewhere(page: str) -> None:
    text = re.sub(r"`[^`]*`", "", (ROOT / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_troubleshooting_knows_only_reasons_that_exist() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[A-Z]\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 20
    assert named <= {str(reason) for reason in Reason}
