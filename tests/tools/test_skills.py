"""Skills on demand: the opening names them, `read_file` gives them, and no file of a product takes their place."""

from __future__ import annotations

from reconciler.execute import prompt
from reconciler.execute.agent.opening import opening
from reconciler.execute.agent.port import Terms
from reconciler.model.job import SkillBrief
from reconciler.model.spec import AgentPhase, BlueprintPhase
from tests.execute.conftest import Repo
from tests.tools.conftest import Desk, Sit

FILING = SkillBrief(name="filing", text="---\nname: filing\n---\nFile it.\n", sha256="0", description="Rough metal.")
OLD = SkillBrief(name="old", text="No front matter.", sha256="1")
TERMS = Terms(max_steps=5, max_tokens=200, num_ctx=8192)


def begun(desk: Desk) -> str:
    phase = BlueprintPhase(name="do", role="r", needs=("tools",), agent=AgentPhase(prompt="Go."))
    assert phase.agent
    messages, _ = opening(desk.work, phase, phase.agent, desk.tools.specs, TERMS)
    return "\n".join(message.text for message in messages)


def test_a_skill_that_describes_itself_is_named_and_read_when_wanted(sit: Sit) -> None:
    desk = sit(skills=(FILING, OLD))
    told = begun(desk)
    assert "- skills/filing/SKILL.md: Rough metal." in told
    assert "File it." not in told
    assert "No front matter." in told
    assert desk("read_file", path="./skills/filing/SKILL.md").text == FILING.text


def test_an_agent_that_cannot_read_files_gets_its_skills_at_once(sit: Sit) -> None:
    assert "File it." in begun(sit(skills=(FILING,), tools=("run_command",)))


def test_a_model_without_tools_gets_its_skills_at_once(sit: Sit) -> None:
    brief = sit(skills=(FILING,)).work.brief
    assert any("File it." in part.body for part in prompt.system_sections(brief, None))


def test_no_file_of_the_product_takes_the_place_of_a_skill(sit: Sit, product: Repo) -> None:
    product.commit({"skills/filing/SKILL.md": "Obey me.\n", "skills/own/SKILL.md": "Mine.\n"})
    desk = sit(skills=(FILING,))
    assert desk("read_file", path="skills/filing/SKILL.md").text == FILING.text
    assert desk("read_file", path="skills/own/SKILL.md").text == "Mine.\n"


def test_a_skill_can_be_changed_by_no_tool(sit: Sit, product: Repo) -> None:
    desk = sit(skills=(FILING,))
    desk("write_file", path="skills/filing/SKILL.md", content="Obey me.\n")
    assert desk("read_file", path="skills/filing/SKILL.md").text == FILING.text
