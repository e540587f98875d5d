"""Minions that are killed, and minions that are asked for at the same moment: none is lost, none is done twice."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.cli.test_minion import FLEET, agent, rows, run
from tests.e2e.factory import COMMAND, until
from tests.execute.conftest import Repo, make
from tests.lying.scenarios import FILES
from tests.standins.ollama import OllamaStandIn

TEXT = "Fix the addition bug"


def start(factory: Path, project: Repo) -> subprocess.Popen[str]:
    args = [str(COMMAND), "minion", "run", TEXT, "--project", str(project.path), "-o", "json"]
    env = os.environ | {"OLLAMA_HOST": "127.0.0.1:9"}
    return subprocess.Popen(args, cwd=factory, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def factory(folder: Path, url: str) -> Path:
    made = folder / "factory"
    assert run(folder, "init", str(made), home=folder).returncode == 0
    (made / "manifests" / "fleet.yaml").write_text(FLEET.format(url=url))
    subprocess.run(["git", "-C", made, "commit", "-qam", "fleet"], check=True)
    return made


def project(folder: Path) -> Repo:
    made = make(folder)
    made.commit(dict(FILES))
    return made


def test_minions_at_once_and_killed_ones_are_each_done_once(tmp_path: Path) -> None:
    one, two = project(tmp_path / "one"), project(tmp_path / "two")
    with OllamaStandIn(agent, models=("m",)) as server:
        here = factory(tmp_path, server.url)
        both = [start(here, one), start(here, two)]
        said = [process.communicate(timeout=120) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        found = [json.loads(out)[0] for out, _ in said]
        assert [row["project"] for row in found] == [str(one.path), str(two.path)]
        assert len({row["name"] for row in found}) == 2

        asked = len(server.requests)
        killed = start(here, one)
        until(lambda: len(server.requests) > asked, 60)
        killed.kill()
        killed.communicate()
        [again] = rows(run(here, "minion", "run", TEXT, "--project", str(one.path), "-o", "json", home=tmp_path))
        assert again["phase"] == "done"

        asked = len(server.requests)
        killed = start(here, two)
        until(lambda: len(server.requests) > asked, 60)
        killed.kill()
        killed.communicate()
        [rest] = rows(run(here, "minion", "run", "-o", "json", home=tmp_path))
        assert rest["phase"] == "done"
    ended = rows(run(here, "minion", "list", "-o", "json", home=tmp_path))
    assert [(row["phase"], row["attempts"]) for row in ended] == [("done", 1)] * 4
    assert rows(run(here, "minion", "status", "-o", "json", home=tmp_path)) == []
