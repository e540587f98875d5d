"""Resolve one execution into the brief that a worker gets: all of it read at the trusted commit."""

from __future__ import annotations

import re

import msgspec

from reconciler.controller import hosts, resolve_mcp, resolve_tools, trusted
from reconciler.controller.factory import Factory
from reconciler.controller.resolve_skills import skill
from reconciler.controller.sessions import prepared, quality_of, sessions
from reconciler.controller.world import unseen
from reconciler.git import advance, product
from reconciler.git.repository import GitError
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.execution import Execution
from reconciler.model.job import AgentBrief, Brief, ModelBrief, ProductBrief
from reconciler.model.refs import Ref
from reconciler.model.spec import AgentSpec, Finding, HostModel, Paths, PipelineSpec, Product
from reconciler.model.tools import grant_nothing
from reconciler.model.view import Config, TaskState, View, World
from reconciler.model.vocabulary import GateResult, Verdict
from reconciler.plan.blueprint import needs, parent, resolve_blueprint
from reconciler.plan.budget import left_usd
from reconciler.plan.candidates import offered
from reconciler.plan.lineage import Lineage
from reconciler.plan.pair import told_builder, told_verifier
from reconciler.plan.resolve import resolve
from reconciler.plan.routing import route_task

REMOTE = re.compile(r"^(https|ssh)://")
PREVIOUS_CHARACTERS = 8000


def brief_for(factory: Factory, view: View, execution: Execution, commit: str) -> Brief:
    """The brief of an execution that the planner has just made. Raises FactoryError where a part is missing."""
    task = view.tasks[execution.task]
    resolved = resolve(view, task)
    config = view.config
    routed = route_task(task, execution.stage, config, World(), resolved.pipeline_name)
    company = config.companies[execution.company]
    homes = trusted.homes(config, execution.company)
    home = homes[0].folder
    blueprint = resolve_blueprint(config.blueprints, execution.blueprint)
    outside = config.policy.outside
    tools = resolve_tools.company_tools(factory.root, commit, homes, company.tools)
    with_tools = "tools" in needs(blueprint)
    origin = task.spec.origin
    return Brief(
        execution=execution,
        factory=str(factory.root),
        factory_commit=commit,
        title=task.spec.title,
        description=task.spec.description,
        goal_title=resolved.goal.spec.title if resolved.goal else "",
        goal_description=resolved.goal.spec.description if resolved.goal else "",
        labels=dict(task.object.labels),
        type=routed.type,
        domain=routed.domain,
        acceptance=task.spec.acceptance,
        findings=_findings(task),
        previous=_previous(factory, task, commit),
        document=origin.document if origin else None,
        company_title=company.title,
        soul=trusted.needed(factory.root, commit, home, company.soul),
        agents=_agents(config, execution.company, tools),
        tools=tools,
        skills=tuple(
            skill(factory.root, commit, name, homes, outside)
            for name in dict.fromkeys((*company.skills, *blueprint.skills))
        ),
        blueprint=blueprint,
        blueprint_folder=blueprint_folder(config, execution.blueprint),
        product=local_product(factory, task, resolved.product),
        model=model_brief(factory, view, execution),
        paths=task.spec.paths,
        depth=origin.depth if origin else 0,
        read_only=bool(resolved.stage and resolved.stage.read_only),
        policy=config.policy,
        quality=quality_of(view, resolved),
        sessions=sessions(factory, task, commit),
        prepared=prepared(factory, task, resolved, commit),
        branch=(resolved.pipeline or PipelineSpec(stages=())).branch.replace("{task}", execution.task),
        mcp=resolve_mcp.servers(factory.root, commit, homes[0], outside) if with_tools else (),
        company_folder=home,
        budget_usd=left_usd(view, task, resolved.goal, execution.company, execution.created_at),
        pairing=_pairing(view, task, execution),
    )


def _pairing(view: View, task: TaskState, execution: Execution) -> str:
    """What builder and verifier of risky work are told about each other; empty for everybody else."""
    if execution.thread is None:
        return ""
    lineage = Lineage(view)
    verifier, base = lineage.verifier(task), lineage.base(task)
    if verifier is None or lineage.resolved(task).stage is not verifier:
        return told_builder(execution.thread, verifier.name if verifier else "")
    return told_verifier(execution.thread, base.name, base.spec)


def product_problems(factory: Factory, view: View) -> dict[str, str]:
    """Which of the products that this view names cannot be used, and why."""
    problems: dict[str, str] = {}
    for item in {p.repository: p for t in view.tasks.values() if (p := resolve(view, t).product)}.values():
        try:
            product.tip(_location(factory, item), item.branch)
            advance.require_free(_location(factory, item), item.branch)
        except (GitError, FactoryError) as error:
            problems[item.repository] = str(error)
    return problems


def local_product(factory: Factory, task: TaskState, wanted: Product | None) -> ProductBrief | None:
    if wanted is None:
        return None
    path = _location(factory, wanted)
    tip = product.tip(path, wanted.branch)
    origin = task.spec.origin
    return ProductBrief(
        path=path,
        branch=wanted.branch,
        tip=tip,
        start=origin.commit if origin and origin.commit else tip,
        test=wanted.test,
    )


def _location(factory: Factory, wanted: Product) -> str:
    if REMOTE.match(wanted.repository):
        raise Refused(f"product {wanted.repository}: clone it beside the factory and name that folder instead")
    if "://" in wanted.repository:
        raise Refused(f"product {wanted.repository}: only a local path, https or ssh is allowed")
    return str(factory.product_path(wanted.repository))


def model_brief(factory: Factory, view: View, execution: Execution) -> ModelBrief:
    """Which model does this, and what it offers on this machine. Raises FactoryError where its host is gone."""
    host = next((host for host in view.config.fleet.hosts if host.name == execution.host), None)
    if host is None:
        raise FactoryError(f"Fleet: there is no host {execution.host}")
    model = next(
        (model for model in host.models if model.name == execution.model), HostModel(name=execution.model or "")
    )
    return ModelBrief(
        backend=execution.backend,
        name=execution.model,
        host=execution.host,
        url=host.url,
        num_ctx=model.num_ctx,
        offers=tuple(sorted(offered(execution.backend, execution.model, host, unseen(factory)))),
        limits=host.limits,
        command=host.command,
        mounts=host.mounts,
        egress=host.egress,
        outside=hosts.outside(factory, host),
    )


def _agents(config: Config, company: str, tools: tuple[str, ...] | None) -> dict[str, AgentBrief]:
    """By role: those that the company names, then those of its folder whose role nobody has yet."""
    named = {role: name for role, name in config.companies[company].agents.items() if name in config.agents}
    for name, spec in sorted(config.agents.items()):
        if spec.company == company:
            named.setdefault(spec.role, name)
    return {role: _agent(name, role, config.agents[name], tools) for role, name in named.items()}


def _agent(name: str, role: str, spec: AgentSpec, tools: tuple[str, ...] | None) -> AgentBrief:
    """An agent whose list of tools comes to nothing writes nothing either: not by commands, nor by what it hands in."""
    given = resolve_tools.agent_tools(tools, spec.tools)
    writes = "nothing" if grant_nothing(given) else spec.writes
    return AgentBrief(
        name=name,
        role=role,
        prompt=spec.prompt,
        paths=Paths(allow=spec.paths.allow, forbid=spec.paths.forbid),
        writes=writes,
        tools=given,
    )


def blueprint_folder(config: Config, name: str) -> str:
    """The folder of the blueprint whose phases run: its own, or that of the one it extends."""
    while not config.blueprints[name].phases and (extended := parent(config.blueprints, name)) is not None:
        name = extended
    return config.folders[Ref("Blueprint", name)]


def _findings(task: TaskState) -> tuple[Finding, ...]:
    """What reviewers found, and what the gates said of the last attempt at this same task."""
    given = task.spec.origin.findings if task.spec.origin else ()
    last = task.attempts[-1].evidence if task.attempts else None
    if last is None or last.outcome is not Verdict.FAILED or last.generation != task.object.generation:
        return given
    failed = tuple(
        Finding(id=f"gate-{index}", title=f"Make the gate {gate.id} pass", detail=gate.message)
        for index, gate in enumerate(gate for gate in last.gates if gate.result is not GateResult.PASS)
    )
    return (*given, *failed)


def _previous(factory: Factory, task: TaskState, commit: str) -> str:
    """The report of the attempt that this task follows from."""
    origin = task.spec.origin
    if origin is None or origin.attempt == 0:
        return ""
    attempts = {attempt.number: attempt for attempt in factory.store.attempts(origin.task)}
    attempt = attempts.get(origin.attempt)
    if attempt is None:
        return ""
    try:
        report = msgspec.json.decode(factory.repository.read(commit, f"{attempt.path}/report.json"))
    except (GitError, msgspec.DecodeError):
        return ""
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode()[:PREVIOUS_CHARACTERS]
