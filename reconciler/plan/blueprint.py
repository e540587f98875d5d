"""Resolves a blueprint's `extends` chain into one blueprint, and says what its phases need of a model."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.model.spec import BlueprintSpec


class UnknownBlueprint(Exception):
    """A blueprint is not there, or extends itself. The text says which."""


def resolve_blueprint(blueprints: Mapping[str, BlueprintSpec], name: str) -> BlueprintSpec:
    """The blueprint with what it extends merged in.

    Phases: its own where it has any, else its parent's. Checks and gates: the parent's, then its own; the same id
    replaces. Skills: both. Title, description and company: its own, else the parent's. Raises UnknownBlueprint.
    """
    chain: list[BlueprintSpec] = []
    seen: list[str] = []
    at: str | None = name
    while at is not None:
        if at in seen:
            raise UnknownBlueprint(f"Blueprint/{name} extends itself: {' -> '.join([*seen, at])}")
        seen.append(at)
        spec = blueprints.get(at)
        if spec is None:
            raise UnknownBlueprint(f"there is no Blueprint/{at}")
        chain.append(spec)
        at = parent(blueprints, at)
    merged = chain.pop()
    while chain:
        merged = _merge(merged, chain.pop())
    return msgspec.structs.replace(merged, extends=None)


def own_blueprint(blueprints: Mapping[str, BlueprintSpec], company: str | None, name: str) -> str:
    """The company's blueprint of this name, `<company>-<name>`, where it has one; else the one for every company."""
    own = f"{company}-{name}"
    return own if own in blueprints else name


def parent(blueprints: Mapping[str, BlueprintSpec], name: str) -> str | None:
    """The blueprint that this one extends: its company's before the one for every company, and never itself."""
    spec = blueprints[name]
    if spec.extends is None:
        return None
    own = own_blueprint(blueprints, spec.company, spec.extends)
    return spec.extends if own == name else own


def _merge(parent: BlueprintSpec, child: BlueprintSpec) -> BlueprintSpec:
    return msgspec.structs.replace(
        child,
        title=child.title or parent.title,
        description=child.description or parent.description,
        company=child.company or parent.company,
        phases=child.phases or parent.phases,
        checks=tuple({check.id: check for check in (*parent.checks, *child.checks)}.values()),
        gates=tuple({gate.id: gate for gate in (*parent.gates, *child.gates)}.values()),
        skills=tuple(dict.fromkeys((*parent.skills, *child.skills))),
    )


def needs(blueprint: BlueprintSpec) -> frozenset[str]:
    """What the phases need of a model: `text`, `schema`, `tools`. Empty where commands do everything."""
    asked = frozenset(need for phase in blueprint.phases for need in phase.needs)
    return asked | {"text"} if any(phase.agent for phase in blueprint.phases) else asked


def lesser_needs(blueprint: BlueprintSpec) -> frozenset[str] | None:
    """What a model must offer that works without tools: where every phase with tools says what it does otherwise.

    None where a phase needs tools and nothing less will do, or where no phase needs them.
    """
    with_tools = [phase for phase in blueprint.phases if "tools" in phase.needs]
    if not with_tools or any(phase.agent is None or phase.agent.otherwise is None for phase in with_tools):
        return None
    return needs(blueprint) - {"tools"} | {"schema"}
