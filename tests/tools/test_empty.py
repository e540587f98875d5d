"""What is there and empty grants nothing; only what is left out has a default."""

from __future__ import annotations

from pathlib import Path

from reconciler.execute.gates.places import widest
from reconciler.execute.mounts import EVERYTHING, mounts
from reconciler.execute.paths import refusal
from reconciler.model.spec import Paths
from tests.tools.conftest import Sit

NOTHING = Paths(allow=())


def test_no_path_is_allowed_by_an_empty_list_and_every_one_without_a_list(tmp_path: Path) -> None:
    assert "there are none" in (refusal("app/main.py", [NOTHING]) or "")
    assert refusal("app/main.py", [Paths()]) is None
    assert mounts(tmp_path, [NOTHING]).writable == ()
    assert mounts(tmp_path, [Paths()]) == EVERYTHING
    assert widest([NOTHING, Paths(allow=("app/**",))]) == (NOTHING, Paths(allow=("app/**",)))
    assert widest([NOTHING, Paths()]) == ()


def test_an_empty_list_of_tools_offers_those_that_every_agent_has(sit: Sit) -> None:
    assert sit(tools=(), writes="nothing").names() == {"finish"}
    assert "write_file" in sit(tools=None).names()


def test_nothing_is_written_where_no_path_is_allowed(sit: Sit) -> None:
    assert sit(paths=NOTHING)("write_file", path="app/x.py", content="x = 1\n").refused
