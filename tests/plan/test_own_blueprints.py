"""A company's own blueprint goes before the one for every company, wherever a blueprint is named."""

from __future__ import annotations

import pytest

from reconciler.desired.references import check
from reconciler.model.objects import Object
from reconciler.model.refs import Position, Ref
from reconciler.model.spec import BlueprintPhase, BlueprintSpec, CompanySpec, Criterion, RunPhase, TaskSpec
from reconciler.model.view import World
from reconciler.plan.blueprint import UnknownBlueprint, resolve_blueprint
from reconciler.plan.routing import route
from tests.plan.scenes import config


def does(*argv: str, **more: object) -> BlueprintSpec:
    phase = BlueprintPhase(name="do", run=RunPhase(command=argv))
    return BlueprintSpec(phases=(phase,), **more)  # type: ignore[arg-type]


PLAIN = does("plain", gates=(Criterion(id="a", text="a"),))
OWN = does("own", company="codecraft")
COMPANIES = {"codecraft": CompanySpec(title="C"), "old": CompanySpec(title="O", merged_into="codecraft")}


@pytest.mark.parametrize("company", ["codecraft", "old"])
def test_the_companys_blueprint_is_taken_before_the_one_for_all(company: str) -> None:
    setting = config(blueprints={"plain": PLAIN, "codecraft-plain": OWN}, companies=COMPANIES)
    found = route(TaskSpec(title="x", company=company, blueprint="plain"), "BUILD", setting, World())
    assert found.blueprint == "codecraft-plain"
    assert found.rules["blueprint"] == "spec via codecraft"


def test_another_companys_blueprint_is_not_taken() -> None:
    setting = config(blueprints={"plain": PLAIN, "vizu-plain": OWN}, companies=COMPANIES)
    assert route(TaskSpec(title="x"), "BUILD", setting, World()).blueprint == "plain"


def test_a_companys_blueprint_may_extend_the_one_of_its_own_name() -> None:
    blueprints = {"plain": PLAIN, "codecraft-plain": BlueprintSpec(company="codecraft", extends="plain")}
    assert resolve_blueprint(blueprints, "codecraft-plain").phases == PLAIN.phases


def test_what_is_extended_is_looked_for_in_the_company_first() -> None:
    child = BlueprintSpec(company="codecraft", extends="plain", gates=(Criterion(id="b", text="b"),))
    blueprints = {
        "plain": PLAIN,
        "codecraft-plain": OWN,
        "codecraft-more": child,
        "more": BlueprintSpec(extends="plain"),
    }
    assert resolve_blueprint(blueprints, "codecraft-more").phases == OWN.phases
    assert resolve_blueprint(blueprints, "more").phases == PLAIN.phases


def test_circles_through_short_names_are_still_found() -> None:
    a = BlueprintSpec(company="c", extends="b")
    b = BlueprintSpec(company="c", extends="a")
    with pytest.raises(UnknownBlueprint, match="extends itself"):
        resolve_blueprint({"c-a": a, "c-b": b}, "c-a")


def thing(kind: str, name: str, **spec: object) -> Object:
    return Object(Ref(kind, name), Position(f"manifests/{name}.yaml", 1), {"title": "x", **spec}, "")


def test_a_short_name_is_valid_where_the_same_place_names_the_company() -> None:
    there = [thing("Company", "vizu"), thing("Blueprint", "vizu-page", company="vizu")]
    stages = [{"name": "A", "company": "vizu", "blueprint": "page"}]
    fine = [
        thing("Task", "t", company="vizu", blueprint="page"),
        thing("Pipeline", "standard", stages=stages),
        thing("Blueprint", "vizu-home", company="vizu", extends="page"),
    ]
    assert check([*there, *fine]) == []
    [problem] = check([*there, thing("Pipeline", "standard", stages=stages), thing("Task", "t", blueprint="page")])
    assert 'there is no Blueprint "page"' in problem.message
