"""What an agent is given: skills, servers, tools and agents, found where they should be and nowhere else. Real git."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.controller.brief import brief_for
from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.model.errors import FactoryError
from reconciler.model.execution import Execution
from reconciler.model.job import Brief
from reconciler.model.tools import TOOLS

SKILL = "---\nname: {name}\ndescription: {what}\nlicense: MIT\n---\n\n# How\n\nDo it well.\n"
PHASE: dict[str, Any] = {"name": "build", "needs": ["tools"], "agent": {"prompt": "Build."}}


def manifest(kind: str, name: str, **spec: Any) -> str:
    metadata = {"name": name}
    return yaml.safe_dump({"apiVersion": "alai.dev/v1", "kind": kind, "metadata": metadata, "spec": spec})


def mcp(**servers: dict[str, Any] | None) -> str:
    return json.dumps({"mcpServers": servers})


@dataclass
class Place:
    """A factory whose company `smiths` does one task; `smiths` and `founders` lie in companies/."""

    root: Path

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        identity = ("-c", "user.name=t", "-c", "user.email=t@t")
        for args in (("add", "-A"), (*identity, "commit", "-qm", "x", "--allow-empty")):
            subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True)

    def policy(self, **outside: Any) -> None:
        self.write({"manifests/policy.yaml": manifest("Policy", "default", outside=outside)})

    def company(self, **spec: Any) -> None:
        self.write({"companies/smiths/company.yaml": manifest("Company", "smiths", title="Smiths & Co", **spec)})

    def brief(self) -> Brief:
        factory = Factory.open(self.root)
        commit = observe(factory)
        execution = Execution(
            id="x", task="door", goal=None, generation="g", stage="BUILD", attempt=1, company="smiths", blueprint="bp",
            tier=1, backend="ollama-tool", model="m", host="here", priority=1, created_at=1.0,
        )  # fmt: skip
        try:
            return brief_for(factory, factory.store.view_all(), execution, commit)
        finally:
            factory.store.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("ALAI_COMPANY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "factory"
    root.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    routing = {"domain": "code", "type": "feature", "complexity": 1, "company": "smiths", "blueprint": "bp"}
    made = Place(root)
    made.write(
        {
            ".gitignore": "state/\n",
            "manifests/policy.yaml": manifest("Policy", "default"),
            "manifests/pipeline.yaml": manifest("Pipeline", "standard", stages=[{"name": "BUILD"}]),
            "manifests/routing.yaml": manifest("Routing", "default", default=routing),
            "manifests/fleet.yaml": manifest("Fleet", "default", hosts=[{"name": "here", "kind": "ollama"}]),
            "manifests/bp.yaml": manifest("Blueprint", "bp", phases=[PHASE]),
            "manifests/task.yaml": manifest("Task", "door", title="Make a door"),
            "companies/smiths/CLAUDE.md": "You are smiths.\n",
            "companies/smiths/company.yaml": manifest("Company", "smiths", title="Smiths & Co"),
            "companies/founders/CLAUDE.md": "You found.\n",
            "companies/founders/company.yaml": manifest("Company", "founders", title="The Founders"),
        }
    )
    return made


Outside = Callable[[str, str], None]


@pytest.fixture
def at_home(tmp_path: Path) -> Outside:
    """Write a file below the user's home."""

    def write(name: str, text: str) -> None:
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


def test_a_skill_is_taken_from_the_company_then_the_named_company_then_the_users_folder(
    place: Place, at_home: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.policy(skills=["~/.claude/skills"], environment=["ALAI_COMPANY"])
    place.company(skills=["filing", "casting", "painting"])
    monkeypatch.setenv("ALAI_COMPANY", "The Founders")
    place.write({"companies/smiths/skills/filing/SKILL.md": SKILL.format(name="filing", what="own")})
    for name in ("filing", "casting"):
        place.write({f"companies/founders/skills/{name}/SKILL.md": SKILL.format(name=name, what="founders")})
    for name in ("filing", "casting", "painting"):
        at_home(f".claude/skills/{name}/SKILL.md", SKILL.format(name=name, what="home"))
    found = {skill.name: (skill.source, skill.description) for skill in place.brief().skills}
    assert found == {
        "filing": ("companies/smiths", "own"),
        "casting": ("companies/founders (ALAI_COMPANY)", "founders"),
        "painting": ("~/.claude/skills", "home"),
    }


def test_a_skills_digest_is_that_of_its_file(place: Place) -> None:
    text = SKILL.format(name="filing", what="Use when: metal is rough")
    place.company(skills=["filing"])
    place.write({"companies/smiths/skills/filing/SKILL.md": text})
    [skill] = place.brief().skills
    assert (skill.text, skill.sha256) == (text, hashlib.sha256(text.encode()).hexdigest())
    assert skill.description == "Use when: metal is rough"


def test_a_skill_that_is_nowhere_is_an_error_that_names_the_places(
    place: Place, at_home: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.policy(skills=["~/.claude/skills"], environment=["ALAI_COMPANY"])
    place.company(skills=["filing"])
    monkeypatch.setenv("ALAI_COMPANY", "founders")
    with pytest.raises(FactoryError) as said:
        place.brief()
    for looked in (
        "companies/smiths/skills/filing/SKILL.md",
        "companies/founders/skills/filing/SKILL.md (ALAI_COMPANY)",
        "~/.claude/skills/filing/SKILL.md",
    ):
        assert looked in str(said.value)


def test_nothing_outside_git_is_read_unless_the_policy_lists_it(
    place: Place, at_home: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.company(skills=["filing"])
    monkeypatch.setenv("ALAI_COMPANY", "founders")
    place.write({"companies/founders/skills/filing/SKILL.md": SKILL.format(name="filing", what="founders")})
    at_home(".claude/skills/filing/SKILL.md", SKILL.format(name="filing", what="home"))
    with pytest.raises(FactoryError, match="filing"):
        place.brief()


def test_an_uncommitted_skill_does_not_count(place: Place) -> None:
    place.company(skills=["filing"])
    place.write({"companies/smiths/skills/filing/SKILL.md": SKILL.format(name="filing", what="committed")})
    (place.root / "companies/smiths/skills/filing/SKILL.md").write_text(SKILL.format(name="filing", what="altered"))
    assert place.brief().skills[0].description == "committed"


def test_a_skill_that_leads_out_of_its_folder_is_refused(place: Place, at_home: Outside, tmp_path: Path) -> None:
    place.policy(skills=["~/.claude/skills"])
    place.company(skills=["filing"])
    at_home(".ssh/id_ed25519", "secret")
    at_home(".claude/skills/filing/x", "")
    (tmp_path / "home/.claude/skills/filing/SKILL.md").symlink_to(tmp_path / "home/.ssh/id_ed25519")
    with pytest.raises(FactoryError, match="leads out"):
        place.brief()
    place.write({"companies/smiths/skills/filing/x": ""})
    (place.root / "companies/smiths/skills/filing/SKILL.md").symlink_to("/etc/passwd")
    place.write({})
    with pytest.raises(FactoryError, match="a symbolic link"):
        place.brief()


def test_the_companys_servers_add_to_override_and_remove_those_of_the_factory(place: Place) -> None:
    place.policy(mcp=[{"server": name} for name in ("files", "db", "web", "own", "gone")])
    place.write(
        {
            "config/mcp.json": mcp(
                files={"type": "stdio", "command": "files", "args": ["--root", "."]},
                db={"command": "db", "args": ["--fast"], "env": {"NAME": "base"}},
                web={"command": "web"},
                gone={"command": "gone"},
            ),
            "companies/smiths/config/mcp.json": json.dumps(
                {
                    "mcpServers": {
                        "db": {"env": {"NAME": "smiths"}},
                        "web": {"command": "other", "args": ["-v"]},
                        "own": {"command": "own"},
                        "files": None,
                    },
                    "remove": ["gone"],
                }
            ),
        }
    )
    found = {server.name: (server.command, server.env) for server in place.brief().mcp}
    assert found == {
        "db": (("db", "--fast"), {"NAME": "smiths"}),
        "web": (("other", "-v"), {}),
        "own": (("own",), {}),
    }


def test_a_server_that_the_policy_does_not_list_is_left_out(place: Place) -> None:
    listed = mcp(db={"command": "db"}, more={"command": "more"}, web={"url": "https://example.org", "disabled": True})
    place.write({"config/mcp.json": listed})
    assert place.brief().mcp == ()
    place.policy(mcp=[{"server": "db", "tools": ["read_*"], "network": True}])
    [server] = place.brief().mcp
    assert (server.name, server.tools, server.network) == ("db", ("read_*",), True)


def test_only_listed_variables_stand_in_for_values_and_none_is_stored(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_TOKEN", "s3cr3t")
    place.write({"config/mcp.json": mcp(db={"command": "db", "env": {"TOKEN": "${DB_TOKEN}", "MODE": "${MODE:-ro}"}})})
    place.policy(mcp=[{"server": "db"}])
    with pytest.raises(FactoryError, match=r"\$\{DB_TOKEN\} is not listed"):
        place.brief()
    place.policy(mcp=[{"server": "db"}], environment=["DB_TOKEN", "MODE"])
    assert place.brief().mcp[0].env["TOKEN"] == "${DB_TOKEN}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected an object"),
        ('{"mcpServers": []}', "expected an object"),
        ('{"mcpServers": {"db": 1}}', "expected an object or null"),
        ('{"mcpServers": {"db": {"url": "https://example.org", "type": "http"}}}', "no `command`"),
        ('{"mcpServers": {"db": {"command": "db", "args": "x"}}}', "expected a list of texts"),
        ('{"mcpServers": {"db": {"command": "db", "env": {"A": 1}}}}', "an object of texts"),
    ],
)
def test_a_server_that_cannot_be_used_as_written_says_so(place: Place, text: str, said: str) -> None:
    place.policy(mcp=[{"server": "db"}])
    place.write({"config/mcp.json": text})
    with pytest.raises(FactoryError, match=said):
        place.brief()


def test_a_server_that_is_disabled_is_not_started(place: Place) -> None:
    place.policy(mcp=[{"server": "db"}, {"server": "web"}])
    place.write({"config/mcp.json": mcp(db={"command": "db", "disabled": True}, web={"command": "web"})})
    assert [server.name for server in place.brief().mcp] == ["web"]
    place.write({"companies/smiths/config/mcp.json": mcp(web={"disabled": True}, db={"disabled": False})})
    assert [server.name for server in place.brief().mcp] == ["db"]


def test_a_link_is_followed_nowhere_be_it_soul_skill_or_agent(place: Place) -> None:
    home = place.root / "companies/smiths"
    place.write({"companies/smiths/AGENTS.md": "---\nname: a\n---\nYou are smiths.\n", "common/SKILL.md": "x"})
    (home / "CLAUDE.md").unlink()
    (home / "CLAUDE.md").symlink_to("AGENTS.md")
    place.write({})
    with pytest.raises(FactoryError, match=r"CLAUDE\.md: a symbolic link \(to 'AGENTS\.md'\) is not followed"):
        place.brief()
    place.company(soul="AGENTS.md", skills=["filing"])
    (home / "skills").mkdir()
    (home / "skills/filing").symlink_to("../../../common")
    place.write({})
    with pytest.raises(FactoryError, match="skills/filing: a symbolic link"):
        place.brief()
    (home / "agents").mkdir()
    (home / "agents/a.md").symlink_to("../AGENTS.md")
    place.write({})
    said: list[str] = []
    observe(Factory.open(place.root, said.append))
    assert "agents/a.md:1:1: a symbolic link" in said[-1]


def agent(name: str, role: str, *tools: str) -> dict[str, str]:
    spec: dict[str, Any] = {"company": "smiths", "role": role, "prompt": "x"}
    listed = {"tools": list(tools)} if tools else {}
    return {f"companies/smiths/agents/{name}.yaml": manifest("Agent", name, **spec, **listed)}


def nobody(name: str, role: str) -> dict[str, str]:
    """An agent whose manifest says `tools: []`."""
    spec: dict[str, Any] = {"company": "smiths", "role": role, "prompt": "x", "tools": []}
    return {f"companies/smiths/agents/{name}.yaml": manifest("Agent", name, **spec)}


def test_tools_are_narrowed_by_the_company_its_settings_and_the_agent(place: Place) -> None:
    place.write(agent("smith", "builder") | agent("eye", "reviewer", "read_file", "run_command", "search"))
    tools = {role: agent.tools for role, agent in place.brief().agents.items()}
    assert tools == {"builder": None, "reviewer": ("read_file", "run_command", "search", "knowledge", "finish")}
    place.write({"companies/smiths/config/tools.json": '{"deny": ["run_*"]}'})
    tools = {role: agent.tools for role, agent in place.brief().agents.items()}
    assert set(tools["builder"]) == set(TOOLS) - {"run_command"}
    assert tools["reviewer"] == ("read_file", "search", "knowledge", "finish")
    place.company(tools=["read_file", "write_file", "run_command"])
    place.write({"companies/smiths/config/tools.json": '{"allow": ["read_file", "search", "write_file"]}'})
    tools = {role: agent.tools for role, agent in place.brief().agents.items()}
    assert tools == {
        "builder": ("read_file", "write_file", "knowledge", "finish"),
        "reviewer": ("read_file", "knowledge", "finish"),
    }


def test_narrowing_to_nothing_never_means_everything(place: Place) -> None:
    place.write(agent("smith", "builder", "run_command"))
    place.write({"companies/smiths/config/tools.json": '{"allow": []}'})
    assert place.brief().agents["builder"].tools == ("knowledge", "finish")


def test_an_empty_list_of_tools_leaves_nothing_and_no_way_to_write(place: Place) -> None:
    place.write(agent("smith", "builder") | agent("eye", "reviewer", "read_file") | nobody("empty", "idle"))
    agents = place.brief().agents
    assert (agents["builder"].writes, agents["reviewer"].writes) == ("product", "product")
    assert (agents["idle"].tools, agents["idle"].writes) == (("knowledge", "finish"), "nothing")
    place.company(tools=[])
    brief = place.brief()
    assert {role: (item.tools, item.writes) for role, item in brief.agents.items()} == dict.fromkeys(
        ("builder", "reviewer", "idle"), (("knowledge", "finish"), "nothing")
    )
    assert brief.tools == ("knowledge", "finish")  # of roles that nobody has


def test_tools_of_a_server_are_allowed_by_name_by_glob_or_all_at_once(place: Place) -> None:
    place.write(agent("smith", "builder", "mcp__db__read", "mcp__web__get", "mcp__files"))
    place.company(tools=["read_file", "mcp__db", "mcp__web__g*"])
    assert place.brief().agents["builder"].tools == ("mcp__db__read", "mcp__web__get", "knowledge", "finish")


def test_a_misspelt_setting_of_tools_is_refused(place: Place) -> None:
    place.write({"companies/smiths/config/tools.json": '{"denied": ["run_command"]}'})
    with pytest.raises(FactoryError, match='unknown key "denied"'):
        place.brief()


def test_an_agent_file_of_claude_code_takes_the_role_that_nobody_has(place: Place) -> None:
    text = "---\nname: {0}\ndescription: Builds.\ntools: {1}\n---\nYou are {0}.\n"
    place.write(
        {
            "companies/smiths/agents/builder.md": text.format("md-smith", "Read, Write"),
            "companies/smiths/agents/validator.md": text.format("md-eye", "Read, Grep"),
            "companies/founders/agents/lead.md": text.format("founder", "Read"),
        }
    )
    found = {role: (item.name, item.writes) for role, item in place.brief().agents.items()}
    assert found == {"builder": ("md-smith", "product"), "validator": ("md-eye", "nothing")}
    place.write(agent("chosen", "builder"))
    place.company(agents={"builder": "chosen"})
    assert place.brief().agents["builder"].name == "chosen"


def test_the_working_folder_never_decides(place: Place, tmp_path: Path) -> None:
    """Skills are looked for from the factory's root, wherever the command was started."""
    place.policy(skills=["shared-skills"])
    place.company(skills=["filing"])
    place.write({"shared-skills/filing/SKILL.md": SKILL.format(name="filing", what="shared")})
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        assert place.brief().skills[0].source == "shared-skills"
    finally:
        os.chdir(before)
