"""What a JSON Schema cannot say about a single document: unique names, exactly-one-of, references inside it.

Works on plain, shape-checked JSON without pydantic, so that the fast path can afford it. References to other
documents are not checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from reconciler.model.pattern import backtracks, compiled
from reconciler.model.spec import ALWAYS
from reconciler.model.spec.machinery import HOST_KEYS, HOST_KINDS

Place = tuple[str | int, ...]
"""Keys and indexes that lead from the document to a value."""
Fault = tuple[Place, str]


def faults(kind: str, document: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of a document that its schema accepts."""
    rule = _RULES.get(kind)
    if rule is not None:
        yield from rule(document["spec"])
    yield from _nothing(document["spec"], ("spec",))


def _nothing(value: Any, place: Place) -> Iterator[Fault]:
    """A key with nothing behind it: is a limit wanted there or none? Whoever means none leaves the key out."""
    items: Iterable[tuple[Any, Any]] = enumerate(cast("list[Any]", value))
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
    for key, inner in items:
        if inner is None:
            yield (*place, key), f"`{key}` has no value: write one, or leave the key out"
        elif isinstance(inner, (dict, list)):
            yield from _nothing(inner, (*place, key))


def _unique(values: Iterable[object], place: Place, what: str, key: str | None = None) -> Iterator[Fault]:
    seen: set[object] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*place, index, key) if key else (*place, index), f'{what} "{value}" is there twice'
        seen.add(value)


def _named(items: Iterable[Mapping[str, Any]], place: Place, what: str, key: str = "name") -> Iterator[Fault]:
    return _unique((item[key] for item in items), place, what, key)


def _product(product: Mapping[str, Any] | None, place: Place) -> Iterator[Fault]:
    if not product:
        return
    repository: str = product["repository"]
    scheme, separator, _ = repository.partition("://")
    if repository.startswith("-") or "::" in repository or (separator and scheme not in ("https", "ssh")):
        yield (
            (*place, "repository"),
            f'repository "{repository}" is neither a path nor an https or ssh address',
        )
    branch: str = product.get("branch", "main")
    if _bad_branch(branch):
        yield (*place, "branch"), f'"{branch}" is no branch name that git allows'


def _bad_branch(branch: str) -> bool:
    return ".." in branch or "//" in branch or "/." in branch or branch.endswith(("/", ".", ".lock"))


def _task(spec: Mapping[str, Any], place: Place = ("spec",)) -> Iterator[Fault]:
    yield from _named(spec.get("acceptance", ()), (*place, "acceptance"), "criterion", "id")
    yield from _unique(spec.get("docs", ()), (*place, "docs"), "document")
    yield from _unique(spec.get("dependsOn", ()), (*place, "dependsOn"), "dependency")
    yield from _product(spec.get("product"), (*place, "product"))
    if spec.get("from"):
        yield from _named(spec["from"].get("findings", ()), (*place, "from", "findings"), "finding", "id")


def _goal(spec: Mapping[str, Any]) -> Iterator[Fault]:
    tasks = spec.get("tasks", ())
    yield from _named(tasks, ("spec", "tasks"), "task")
    yield from _unique(spec.get("docs", ()), ("spec", "docs"), "document")
    yield from _product(spec.get("product"), ("spec", "product"))
    for index, task in enumerate(tasks):
        place = ("spec", "tasks", index)
        if "goal" in task:
            yield (*place, "goal"), "a task inside a goal belongs to that goal; leave `goal` out"
        yield from _task(task, place)


def _pipeline(spec: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _named(spec["stages"], ("spec", "stages"), "stage")
    merge_after = spec.get("mergeAfter")
    names = [stage["name"] for stage in spec["stages"]]
    if merge_after is not None and merge_after not in names:
        yield ("spec", "mergeAfter"), f'no stage is called "{merge_after}"; the stages are {", ".join(names)}'


def _blueprint(spec: Mapping[str, Any]) -> Iterator[Fault]:
    phases = spec.get("phases", ())
    yield from _named(phases, ("spec", "phases"), "phase")
    yield from _named(spec.get("checks", ()), ("spec", "checks"), "check", "id")
    yield from _named(spec.get("gates", ()), ("spec", "gates"), "gate", "id")
    for index, phase in enumerate(phases):
        yield from _phase(phase, ("spec", "phases", index))


def _one_of(item: Mapping[str, Any], keys: tuple[str, ...], place: Place, what: str) -> Iterator[Fault]:
    if sum(1 for key in keys if item.get(key)) != 1:
        listed = ", ".join(f"`{key}`" for key in keys[:-1])
        yield place, f"{what} needs exactly one of {listed} and `{keys[-1]}`"


def _phase(phase: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    gates = phase.get("gates", ())
    yield from _named(gates, (*place, "gates"), "gate", "id")
    for index, gate in enumerate(gates):
        keys = ("fileExists", "changed", "command")
        yield from _one_of(gate, keys, (*place, "gates", index), f'gate "{gate["id"]}"')
    run, agent = phase.get("run"), phase.get("agent")
    if (run is None) == (agent is None):
        yield place, f'phase "{phase["name"]}" needs exactly one of `run` and `agent`'
    if run is not None:
        asked = [key for key in ("command", "template", "checks") if run.get(key)]
        if len(asked) != 1:
            yield (*place, "run"), "`run` needs exactly one of `command`, `template` and `checks`"
    if agent is not None:
        output = agent.get("output", "text")
        if "tools" in phase.get("needs", ()):
            yield from _with_tools(agent, output, (*place, "agent"))
        elif agent.get("otherwise") is not None:
            yield (*place, "agent", "otherwise"), "`otherwise` is for phases that say `needs: [tools]`"
        elif output != "text" and "schema" not in phase.get("needs", ()):
            yield (*place, "agent", "output"), f"output `{output}` is JSON: the phase must say `needs: [schema]`"
        if output != "text" and agent.get("file") is not None:
            yield (*place, "agent", "file"), "`file` goes with output `text` only"
        if agent.get("accept") is not None:
            yield from _accept(agent["accept"], output, (*place, "agent", "accept"))


def _with_tools(agent: Mapping[str, Any], output: str, place: Place) -> Iterator[Fault]:
    if output == "files":
        yield (*place, "output"), "a phase with tools writes files itself; leave `output: files` out"
    if agent.get("accept") is not None:
        yield (*place, "accept"), "`accept` is for phases without tools"
    if agent.get("file") is not None:
        yield (*place, "file"), "a phase with tools writes files itself; leave `file` out"
    if agent.get("fallback") is not None and agent.get("otherwise") is None:
        yield (*place, "fallback"), "`fallback` stands in for files handed in: it needs `otherwise: files` here"


def _accept(pattern: str, output: str, place: Place) -> Iterator[Fault]:
    if output != "text":
        yield place, "`accept` goes with output `text` only"
    if why := backtracks(pattern):
        yield place, why


def _pattern(pattern: str, place: Place) -> Iterator[Fault]:
    try:
        compiled(pattern)
    except ValueError as error:
        yield place, f"not a regular expression that RE2 takes: {error}"


def _fleet(spec: Mapping[str, Any]) -> Iterator[Fault]:
    hosts = spec.get("hosts", ())
    yield from _named(hosts, ("spec", "hosts"), "host")
    yield from _named(spec.get("tiers", ()), ("spec", "tiers"), "tier", "tier")
    for index, host in enumerate(hosts):
        yield from _named(host.get("models", ()), ("spec", "hosts", index, "models"), "model")
        yield from _host(host, ("spec", "hosts", index))


def _host(host: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    """A key that means nothing to this kind would be without effect, and whoever wrote it would not know."""
    kind: str = host["kind"]
    for key, kinds in HOST_KEYS.items():
        if key in host and kind in HOST_KINDS and kind not in kinds:
            yield (*place, key), f"`{key}` means nothing to a host of kind {kind}, only to {' and '.join(kinds)}"
    if kind == "command" and not host.get("command"):
        yield place, "a host of kind command needs `command`: the program and its arguments"


def _matches(rules: Iterable[Mapping[str, Any]], place: Place, *, condition: bool) -> Iterator[Fault]:
    for index, rule in enumerate(rules):
        if not (rule.get("any") or rule.get("all") or (not condition and rule.get("when"))):
            yield (*place, index), f'rule "{rule["id"]}" would match everything: say `any` or `all`'


_POSSIBLE = {"priority": ("H", "M", "L"), "complexity": ("1", "2", "3", "4", "5")}
"""values of attributes that only have some"""


def _conditions(rules: Iterable[Mapping[str, Any]], place: Place) -> Iterator[Fault]:
    """A value that nothing can have makes a rule that never matches, and nobody notices."""
    for index, rule in enumerate(rules):
        for key, possible in _POSSIBLE.items():
            for value in rule.get("when", {}).get(key, ()):
                if str(value) not in possible:
                    yield (*place, index, "when", key), f'"{value}" is not one of {", ".join(possible)}'


def _routing(spec: Mapping[str, Any]) -> Iterator[Fault]:
    rules = spec.get("rules", ())
    yield from _named(rules, ("spec", "rules"), "rule", "id")
    yield from _matches(rules, ("spec", "rules"), condition=False)


def _policy(spec: Mapping[str, Any]) -> Iterator[Fault]:
    human = spec.get("human", ())
    yield from _named(human, ("spec", "human"), "rule", "id")
    yield from _matches(human, ("spec", "human"), condition=True)
    risky = spec.get("pair", {}).get("risky", ())
    yield from _named(risky, ("spec", "pair", "risky"), "rule", "id")
    yield from _matches(risky, ("spec", "pair", "risky"), condition=False)
    yield from _conditions(risky, ("spec", "pair", "risky"))
    yield from _product(spec.get("product"), ("spec", "product"))
    if _bad_branch(spec.get("branch", "main")):
        yield ("spec", "branch"), f'"{spec["branch"]}" is no branch name that git allows'
    for key in ("placeholders", "secrets"):
        for index, pattern in enumerate(spec.get("gates", {}).get(key, ())):
            yield from _pattern(pattern, ("spec", "gates", key, index))


def _quality(spec: Mapping[str, Any]) -> Iterator[Fault]:
    points = spec["points"]
    yield from _named(points, ("spec", "points"), "point", "id")
    checks = [point.get("check") for point in points]
    for index, point in enumerate(points):
        check = point.get("check")
        if check is not None and check in checks[:index]:
            yield ("spec", "points", index, "check"), f'check "{check}" is there twice'
        if check in ALWAYS and point.get("severity") != "must":
            yield ("spec", "points", index), f'check "{check}" is for all work: say `severity: must`'
        yield from _one_of(point, ("check", "command"), ("spec", "points", index), f'point "{point["id"]}"')
    if spec["threshold"] > len(points):
        yield ("spec", "threshold"), f"asks for {spec['threshold']} points of {len(points)}"


_RULES = {
    "Goal": _goal,
    "Task": _task,
    "Pipeline": _pipeline,
    "Blueprint": _blueprint,
    "Fleet": _fleet,
    "Routing": _routing,
    "Policy": _policy,
    "QualityGate": _quality,
}
