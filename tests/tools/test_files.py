"""read_file, write_file, edit_file: what they do, and what they say where they cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.model.spec import Paths
from tests.execute.conftest import Repo
from tests.tools.conftest import Sit


def test_a_file_is_read_whole_or_in_part(sit: Sit, product: Repo) -> None:
    (product.path / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 1001)))
    desk = sit()
    assert desk("read_file", path="README.md").text == "# Shop\n"
    part = desk("read_file", path="long.txt", offset="500", limit=2).text
    assert part == "line 500\nline 501\n[long.txt: lines 500 to 501 of 1000; call again with offset 502 for more]"
    assert desk("read_file", path="long.txt").text.endswith("call again with offset 401 for more]")
    assert desk("read_file", path="long.txt", offset=2000).text == "long.txt has only 1000 lines"


def test_a_path_as_commands_show_it_is_understood(sit: Sit) -> None:
    assert sit()("read_file", path="/product/app/main.py").ok
    assert sit()("read_file", path="./app/main.py").ok


def test_a_missing_file_is_a_mistake_and_says_where_one_of_that_name_is(sit: Sit) -> None:
    desk = sit()
    result = desk("read_file", path="main.py")
    assert (result.ok, result.refused) == (False, False)
    assert "there is app/main.py" in result.text
    assert desk.work.refusals == []


def test_a_file_is_written_with_its_folders_and_keeps_being_executable(sit: Sit, product: Repo) -> None:
    (product.path / "run.sh").write_text("old")
    (product.path / "run.sh").chmod(0o755)
    desk = sit()
    assert desk("write_file", path="a/b/c.txt", content="new\n").ok
    assert (product.path / "a/b/c.txt").read_text() == "new\n"
    assert desk("write_file", path="run.sh", content="new").ok
    assert os.access(product.path / "run.sh", os.X_OK)
    assert not list(product.path.glob(".*.alai"))


def test_edits_are_made_all_at_once_against_what_was_there(sit: Sit, product: Repo) -> None:
    (product.path / "x.py").write_text("a = 1\nb = 2\n")
    edits = [{"old_text": "a = 1", "new_text": "b = 2"}, {"old_text": "b = 2\n", "new_text": "c = 3\n"}]
    assert sit()("edit_file", path="x.py", edits=edits).ok
    assert (product.path / "x.py").read_text() == "b = 2\nc = 3\n"


@pytest.mark.parametrize(
    "edits",
    [
        '[{"old_text": "a = 1", "new_text": "a = 2"}]',
        {"old_text": "a = 1", "new_text": "a = 2"},
        [{"old_text": "a = 1", "new_text": "a = 2"}],
    ],
)
def test_edits_are_understood_in_the_forms_that_models_send(sit: Sit, product: Repo, edits: object) -> None:
    (product.path / "x.py").write_text("a = 1\n")
    assert sit()("edit_file", path="x.py", edits=edits).ok
    assert (product.path / "x.py").read_text() == "a = 2\n"


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([{"old_text": "    retrun 1", "new_text": ""}], "The closest is line 2:\n    return 1\n"),
        ([{"old_text": "return", "new_text": ""}], "is there 2 times"),
        (
            [{"old_text": "def f():\n", "new_text": ""}, {"old_text": "f():\n    return 1", "new_text": ""}],
            "same place",
        ),
        ([{"old_text": "return 1", "new_text": "return 1"}], "change nothing"),
        ([{"old_text": "", "new_text": "x"}], "old_text is empty"),
        ([], "`edits` is empty"),
        ("nonsense", "is an object"),
        ([{"old_text": "return 1", "new_text": "x"}, {"old_text": "not there at all", "new_text": ""}], "edit 2"),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing_and_says_why(
    sit: Sit, product: Repo, edits: object, told: str
) -> None:
    content = "def f():\n    return 1\nreturn 2\n"
    (product.path / "x.py").write_text(content)
    result = sit()("edit_file", path="x.py", edits=edits)
    assert not result.ok
    assert told in result.text
    assert (product.path / "x.py").read_text() == content


def test_a_link_within_the_product_is_read_and_one_out_of_it_is_not(sit: Sit, product: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    (product.path / "AGENTS.md").symlink_to("README.md")
    (product.path / "out").symlink_to(tmp_path / "secret")
    os.mkfifo(product.path / "pipe")
    desk = sit()
    assert desk("read_file", path="AGENTS.md").text == "# Shop\n"
    assert desk("read_file", path="out").refused
    assert "no file" in desk("read_file", path="pipe").text
    assert [refusal.what for refusal in desk.work.refusals] == ["out"]


def test_a_second_name_of_a_file_that_is_written_keeps_what_it_had(sit: Sit, product: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("old")
    os.link(tmp_path / "outside", product.path / "inside")
    desk = sit()
    assert desk("write_file", path="inside", content="new").ok
    assert desk("edit_file", path="inside", edits=[{"old_text": "new", "new_text": "newer"}]).ok
    assert ((product.path / "inside").read_text(), (tmp_path / "outside").read_text()) == ("newer", "old")


def test_rules_of_task_and_agent_hold_together(sit: Sit) -> None:
    desk = sit(paths=Paths(allow=("app/**", "docs/**")), agent_paths=Paths(forbid=("app/secret/**",)))
    assert desk("write_file", path="app/x", content="x").ok
    assert desk("write_file", path="docs/x", content="x").ok
    assert "outside the allowed paths" in desk("write_file", path="x", content="x").text
    assert "forbidden by app/secret/**" in desk("write_file", path="app/secret/x", content="x").text
    assert desk("write_file", path="app/Secret/x", content="x").refused
    assert [refusal.what for refusal in desk.work.refusals] == ["x", "app/secret/x", "app/Secret/x"]


def test_writing_before_hivemind_was_asked_is_refused_with_what_to_do(sit: Sit, product: Repo) -> None:
    desk = sit(asked=False)
    for name, arguments in (
        ("write_file", {"path": "x", "content": "x"}),
        ("edit_file", {"path": "README.md", "edits": [{"old_text": "Shop", "new_text": "x"}]}),
        ("run_command", {"command": "echo > x"}),
    ):
        result = desk(name, **arguments)
        assert result.refused
        assert "call the tool `knowledge`" in result.text
    assert len(desk.work.refusals) == 3
    assert desk("read_file", path="README.md").ok
    assert desk("knowledge", query="landing page").ok
    assert desk("write_file", path="x", content="x").ok
    assert (product.path / "x").exists()


def test_a_lead_keeps_notes_for_its_company_and_nothing_else(sit: Sit, factory: Repo, product: Repo) -> None:
    commit = factory.commit({".gitignore": "/state/\n", "companies/codecraft/state/plan.md": "old plan\n"})
    desk = sit(writes="company", factory_commit=commit, asked=False)
    note = "companies/codecraft/state/plan.md"
    assert desk("read_file", path=note).text == "old plan\n"
    assert desk("edit_file", path=note, edits=[{"old_text": "old", "new_text": "new"}]).ok
    assert desk("read_file", path=note).text == "new plan\n"
    assert desk.work.state_files == {"plan.md": "new plan\n"}
    refused = ["app/main.py", "companies/codecraft/CLAUDE.md", "companies/vizu/state/x", f"{note}/../../CLAUDE.md"]
    for path in refused:
        assert desk("write_file", path=path, content="x").refused, path
    assert "propose_tasks" in desk("write_file", path="companies/codecraft/CLAUDE.md", content="x").text
    assert not (product.path / "companies").exists()
    assert len(desk.work.refusals) == 5


def test_notes_are_few_and_small(sit: Sit) -> None:
    desk = sit(writes="company")
    for number in range(20):
        assert desk("write_file", path=f"companies/codecraft/state/{number}", content="x").ok
    assert desk("write_file", path="companies/codecraft/state/0", content="y").ok
    assert desk("write_file", path="companies/codecraft/state/20", content="x").refused
    assert desk("write_file", path="companies/codecraft/state/1", content="x" * 70_000).refused


def test_a_refused_path_is_cut_after_secrets_were_taken_out(sit: Sit) -> None:
    desk = sit()
    token = "ghp_" + "Ab3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA2bC4"
    desk("write_file", path="../" + "x" * 157 + "/" + token, content="x")
    assert [refusal.what for refusal in desk.work.refusals if "ghp_" in refusal.what] == []
    assert "redacted" in desk.work.refusals[0].what
