"""A factory and a product as real git repositories, and briefs that name them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.model.execution import Execution
from reconciler.model.job import AgentBrief, Brief, ModelBrief, ProductBrief
from reconciler.model.spec import BlueprintPhase, BlueprintSpec, Paths, PolicySpec, RunPhase

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder: Path, *args: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *args], cwd=folder, env=ENV, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass
class Repo:
    path: Path

    def commit(self, files: dict[str, str | None]) -> str:
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        git(self.path, "add", "-A")
        git(self.path, "commit", "-qm", "x", "--allow-empty")
        return git(self.path, "rev-parse", "HEAD")

    def show(self, commit: str, path: str) -> str:
        return git(self.path, "show", f"{commit}:{path}")

    def files(self, commit: str) -> list[str]:
        return git(self.path, "ls-tree", "-r", "--name-only", commit).split("\n")


def make(path: Path) -> Repo:
    path.mkdir()
    git(path, "init", "-q")
    return Repo(path)


@pytest.fixture
def factory(tmp_path: Path) -> Repo:
    repo = make(tmp_path / "factory")
    repo.commit({".gitignore": "state/\n", "manifests/blueprints/bp/blueprint.yaml": "kind: Blueprint\n"})
    return repo


@pytest.fixture
def product(tmp_path: Path) -> Repo:
    repo = make(tmp_path / "shop")
    repo.commit({"README.md": "# Shop\n", "app/main.py": "print('hello')\n"})
    return repo


def command(*argv: str, name: str = "do", **more: Any) -> BlueprintPhase:
    return BlueprintPhase(name=name, run=RunPhase(command=argv, **more))


def sh(text: str, **more: Any) -> BlueprintPhase:
    return command("sh", "-c", text, **more)


Make = Callable[..., Brief]


@pytest.fixture
def brief(factory: Repo, product: Repo) -> Make:
    """`brief(phases..., scratch=False, test=None, start=None, blueprint={...}, **fields of Brief)`."""

    def build(
        *phases: BlueprintPhase, scratch: bool = False, test: str | None = None, start: str | None = None,
        blueprint: dict[str, Any] | None = None, **fields: Any,
    ) -> Brief:  # fmt: skip
        tip = git(product.path, "rev-parse", "HEAD")
        where = ProductBrief(path=str(product.path), branch="main", tip=tip, start=start or tip, test=test)
        whole = Brief(
            execution=Execution(
                id="shop-page.1.abc", task="shop-page", goal="shop", generation="g", stage="BUILD", attempt=1,
                company="codecraft", blueprint="bp", tier=3, backend="ollama-simple", model="m", host="here",
                priority=1,
                created_at=1_790_000_000.0,
            ),
            factory=str(factory.path),
            factory_commit=git(factory.path, "rev-parse", "HEAD"),
            title="Add a landing page", description="With prices.", goal_title="Shop", goal_description="A shop.",
            labels={}, type="feature", domain="frontend", acceptance=(), findings=(), previous="", document=None,
            company_title="CodeCraft", soul="You build well.",
            agents={"builder": AgentBrief(name="codecraft-builder", role="builder", prompt="Build.")},
            skills=(),
            blueprint=BlueprintSpec(phases=phases, **(blueprint or {})),
            blueprint_folder="manifests/blueprints/bp",
            product=None if scratch else where,
            model=ModelBrief(
                backend="ollama-simple", name="m", host="here", url="http://127.0.0.1:9", num_ctx=8192,
                offers=("text", "schema"),
            ),
            paths=Paths(),
            read_only=False,
            policy=PolicySpec(),
            branch="alai/shop-page",
        )  # fmt: skip
        return msgspec.structs.replace(whole, **fields)

    return build
