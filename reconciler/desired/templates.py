"""Templates of blueprints that Jinja cannot read. Only their syntax: what a name stands for is known when work begins.

Jinja is imported only where a blueprint has a template, and this is asked only by those who validate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.desired.parse import Place
from reconciler.desired.places import Where
from reconciler.desired.words import safe
from reconciler.model.objects import Object
from reconciler.model.refs import Problem

_OF_AGENT = ("prompt", "fallback", "file")


def check(objects: Iterable[Object], where: Where) -> list[Problem]:
    """All templates that are none, each where it stands."""
    return [
        Problem(where(item, place), str(item.ref), f"not a Jinja template: {fault}")
        for item in objects
        if item.ref.kind == "Blueprint"
        for place, source in _sources(item)
        if "{" in source and (fault := _fault(source)) is not None
    ]


def _sources(item: Object) -> Iterator[tuple[Place, str]]:
    for index, phase in enumerate(item.spec.get("phases", ())):
        run: dict[str, Any] = phase.get("run") or {}
        if run.get("template") is not None:
            yield ("phases", index, "run", "template"), run["template"]
        agent: dict[str, Any] = phase.get("agent") or {}
        for key in _OF_AGENT:
            if agent.get(key) is not None:
                yield ("phases", index, "agent", key), agent[key]


def _fault(source: str) -> str | None:
    from jinja2 import Environment, TemplateSyntaxError

    try:
        # only parsed: to compile it would work out what stands in it, such as 9**9**9
        Environment(autoescape=True).parse(source)
    except TemplateSyntaxError as error:
        return f"line {error.lineno} of it: {safe(error.message or 'cannot be read', 300)}"
    except RecursionError:
        return "nested too deep"
    return None
