"""Which tools a role is offered, what every call goes through, and the tools that neither read nor write files."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import said, schema
from reconciler.execute.backends.port import ToolSpec
from reconciler.knowledge.entry import Entry, render
from reconciler.knowledge.index import Index
from reconciler.model.spec import Limits, PolicySpec
from tests.execute.conftest import Repo
from tests.tools.conftest import Sit

LOOK = {"read_file", "list_files", "search", "run_command", "knowledge", "finish"}
DONE = "I changed the page as asked and ran all of its tests."


def test_roles_are_offered_what_their_way_of_writing_needs(sit: Sit) -> None:
    assert sit().names() == LOOK | {"write_file", "edit_file"}
    assert sit(writes="company").names() == LOOK | {"write_file", "edit_file", "propose_tasks"}
    assert sit(writes="nothing").names() == LOOK
    assert sit(read_only=True).names() == LOOK
    assert sit(tools=("read_file", "write_file")).names() == {"read_file", "write_file", "knowledge", "finish"}
    assert sit(writes="nothing", tools=("write_file",)).names() == {"finish"}


def test_a_tool_that_a_role_has_not_is_a_refusal_and_one_that_does_not_exist_a_mistake(sit: Sit) -> None:
    desk = sit(writes="nothing")
    assert desk("write_file", path="a", content="b").refused
    assert [(item.tool, item.what) for item in desk.work.refusals] == [("write_file", "a")]
    result = desk("Bash", command="ls")
    assert not result.refused
    assert "there are read_file" in result.text
    assert len(desk.work.refusals) == 1


def test_schemas_are_flat_and_descriptions_one_line(sit: Sit) -> None:
    for spec in sit(writes="company", output="verdict").tools.specs:
        assert "\n" not in spec.description
        assert "$ref" not in str(spec.parameters)
        assert "anyOf" not in str(spec.parameters)
        assert set(spec.parameters["required"]) <= set(spec.parameters["properties"])


def test_what_tools_say_is_redacted_visible_and_bounded(sit: Sit, product: Repo) -> None:
    secret = "ghp_" + "a" * 36
    (product.path / "odd.txt").write_text(f"a\u202eb\x1b[31mred\x1b[0m {secret}\n")
    (product.path / "long.txt").write_text("x" * 100_000)
    desk = sit()
    said = desk("read_file", path="odd.txt").text
    assert said == "abred [redacted: GitHub token]\n\n[1 characters that do not show were left out]"
    long = desk("read_file", path="long.txt").text
    assert len(long) < 6200
    assert "characters left out" in long


def test_files_are_listed_and_searched(sit: Sit, product: Repo) -> None:
    (product.path / "node_modules/x").mkdir(parents=True)
    (product.path / "node_modules/x/hello.js").write_text("hello")
    desk = sit()
    assert desk("list_files").text == "README.md\napp/main.py"
    assert desk("list_files", glob="**/*.py").text == "app/main.py"
    assert desk("list_files", glob="app").text == "app/main.py"
    assert desk("list_files", glob="../**").refused
    assert desk("search", pattern="hel+o").text == "app/main.py:1:print('hello')"
    assert desk("search", pattern="print('").text.endswith("app/main.py:1:print('hello')")
    assert desk("search", pattern="HELLO", path="app", ignore_case=True).ok
    assert desk("search", pattern="nothing like it").text == "Nothing found."
    assert desk("search", pattern="x", path="../../etc").refused
    assert desk("search", pattern="--help").text == "Nothing found."


def test_a_command_says_how_it_ended_and_is_in_the_evidence(sit: Sit, product: Repo) -> None:
    desk = sit()
    assert desk("run_command", command="echo hi; exit 3").text == "hi\n[exit 3]"
    assert "timeout after 1 s" in desk("run_command", command="sleep 20", timeout="1").text
    assert desk("run_command", command="echo x > made && cat $ALAI_TASK 2>/dev/null; true").ok
    assert (product.path / "made").exists()
    assert desk.work.transcript[0]["command"] == "echo hi; exit 3"


def test_commands_of_those_who_only_read_change_nothing(sit: Sit, product: Repo) -> None:
    for desk in (sit(writes="nothing"), sit(writes="company"), sit(read_only=True)):
        assert not desk("run_command", command="echo x > made").ok
        assert desk("run_command", command="cat README.md").ok
    assert not (product.path / "made").exists()


def test_hivemind_is_asked_and_what_it_said_is_remembered(sit: Sit, factory: Repo) -> None:
    (factory.path / "state").mkdir()
    index = Index(factory.path / "state/knowledge.db")
    entry = Entry(
        source="s", type="knowledge", company="c", domain="d", tags=(), task="t", product="shop", created=1,
        text="Prices are in cents.", path="knowledge/a.md",
    )  # fmt: skip
    index.project([("knowledge/a.md", render(entry))])
    index.close()
    desk = sit(asked=False)
    assert "Prices are in cents." in desk("knowledge", query="how prices are kept").text
    assert desk.work.knowledge == ["knowledge/a.md"]
    assert desk.work.asked
    assert not desk("knowledge", query=" ").ok


def test_advice_instead_of_a_lock_where_the_policy_says_so(sit: Sit) -> None:
    desk = sit(asked=False, policy=PolicySpec(knowledge="advisory"))
    assert "knowledge" in desk("write_file", path="x", content="x").text
    desk("knowledge", query="x")
    assert "knowledge" not in desk("write_file", path="x", content="x").text


def test_finish_wants_a_summary_and_ends_everything(sit: Sit) -> None:
    desk = sit()
    assert "fewer than 40" in desk("finish", summary="done").text
    assert desk.tools.finished is None
    assert desk("finish", summary=DONE, decisions='["cents"]', blockers=[]).ok
    assert desk.tools.finished
    assert desk.tools.finished.decisions == ("cents",)
    assert desk.work.decisions == ["cents"]
    assert not desk("write_file", path="x", content="x").ok


def test_a_verdict_needs_findings(sit: Sit) -> None:
    desk = sit(writes="nothing", output="verdict")
    assert "`findings` is missing" in desk("finish", summary=DONE).text
    assert "not as asked" in desk("finish", summary=DONE, findings=[{"severity": "huge", "title": "x"}]).text
    finding = {"id": "No Prices", "title": "No prices", "severity": "blocker", "detail": "none"}
    assert desk("finish", summary=DONE, findings=[finding]).ok
    assert desk.tools.finished
    assert [item.id for item in desk.tools.finished.findings] == ["no-prices"]
    assert desk.work.findings == []


TASK = {"name": "add-prices", "title": "Add prices", "acceptance": ["The page has prices."]}


def test_tasks_are_proposed_with_names_criteria_and_order(sit: Sit) -> None:
    desk = sit(writes="company")
    second = {**TASK, "name": "test-prices", "depends_on": ["add-prices"]}
    assert desk("propose_tasks", tasks=[TASK, second]).ok
    first, other = desk.work.proposals
    assert first.acceptance == ("The page has prices.",)
    assert other.depends_on == ("add-prices",)


@pytest.mark.parametrize(
    "criterion",
    [
        {"text": "The page has prices.", "check": "true"},
        [{"text": "The page has prices.", "check": "true"}],
        json.dumps({"text": "The page has prices.", "check": "true"}),
        json.dumps([{"text": "The page has prices.", "check": "true"}]),
    ],
)
def test_no_proposal_says_which_command_proves_it(sit: Sit, criterion: Any) -> None:
    desk = sit(writes="company")
    assert desk("propose_tasks", tasks=[{**TASK, "acceptance": criterion}]).ok
    (proposed,) = desk.work.proposals
    assert [type(sentence) for sentence in proposed.acceptance] == [str]


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([], "is empty"),
        (["x"], "is an object"),
        ([{**TASK, "name": "../up"}], "is no name"),
        ([{**TASK, "title": ""}], "title is missing"),
        ([{**TASK, "acceptance": []}], "how to see that it is done"),
        ([TASK, TASK], "two tasks have the name"),
        ([{**TASK, "depends_on": ["other"]}], "not in the list"),
        ([{**TASK, "depends_on": ["add-prices"]}], "wait for each other"),
    ],
)
def test_proposals_that_nobody_could_do_are_sent_back(sit: Sit, tasks: list[Any], told: str) -> None:
    desk = sit(writes="company")
    assert told in desk("propose_tasks", tasks=tasks).text
    assert desk.work.proposals == []
    assert desk.work.refusals == []


def test_proposals_end_at_the_policys_number_and_depth(sit: Sit) -> None:
    few = sit(writes="company", policy=PolicySpec(limits=Limits(children=1)))
    assert few("propose_tasks", tasks=[TASK]).ok
    assert few("propose_tasks", tasks=[{**TASK, "name": "other"}]).refused
    deep = sit(writes="company", depth=2)
    assert deep("propose_tasks", tasks=[TASK]).refused
    assert deep.work.refusals[0].tool == "propose_tasks"


class Server:
    """Tools of somebody else."""

    specs = (
        ToolSpec(name="weather", description="d", parameters=schema(city=said("string", "c"))),
        ToolSpec(name="write_file", description="not ours", parameters=schema()),
    )

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(text=f"{name} {arguments}")


def test_tools_of_other_sources_stand_behind_ours_and_go_through_the_same_gate(sit: Sit) -> None:
    desk = sit(writes="nothing", sources=(Server(),))
    assert "weather" in desk.names()
    assert desk("weather", city="Z\u00fcrich\u200b").text.startswith("weather {'city': 'Zürich")
    assert desk("write_file", path="x", content="x").refused


def test_a_brief_without_an_agent_for_the_role_is_a_builders(sit: Sit) -> None:
    desk = sit(agents={})
    assert "write_file" in desk.names()
    assert msgspec.to_builtins(desk.tools.specs[0])["name"] == "read_file"
