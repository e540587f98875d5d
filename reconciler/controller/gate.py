"""The quality gate, run by hand on a task's latest work. Says what holds; records nothing and moves nothing."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

import msgspec

from reconciler import trees
from reconciler.controller.brief import blueprint_folder, local_product
from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.controller.sessions import line
from reconciler.controller.writer import one
from reconciler.execute.inspection import Inspection, inspect
from reconciler.execute.work import Ended
from reconciler.git.repository import GitError
from reconciler.model.errors import Refused
from reconciler.model.execution import Attempt, GateReport
from reconciler.model.refs import Ref
from reconciler.model.spec import QualityGateSpec
from reconciler.model.view import Config, TaskState
from reconciler.model.vocabulary import GateResult
from reconciler.plan.blueprint import resolve_blueprint
from reconciler.plan.quality import Score, score
from reconciler.plan.resolve import resolve


@dataclass(frozen=True)
class Checked:
    """`score` counts gates where the Policy names no quality gate."""

    task: str
    commit: str
    base: str
    gates: tuple[GateReport, ...]
    quality: QualityGateSpec | None
    score: Score
    passed: bool


def check(factory: Factory, name: str) -> Checked:
    """Run every gate on the latest product commit of a task. Raises Refused where there is nothing to look at."""
    observe(factory)
    view = factory.store.view_all()
    ref = Ref("Task", name)
    one(factory.store.find(ref), ref, list(view.tasks))
    task = view.tasks[name]
    resolved = resolve(view, task)
    where = local_product(factory, task, resolved.product)
    if where is None:
        raise Refused(f"Task/{name}: has no product, so there is nothing to check")
    work = _work(factory, task)
    if work is None or work.evidence.product_commit is None:
        raise Refused(f"Task/{name}: no work on its product is recorded yet")
    commit = work.evidence.product_commit
    base = work.evidence.base_commit or commit
    quality = view.config.quality.get(view.config.policy.quality or "")
    asked = _asked(
        Inspection(
            task=name,
            title=task.spec.title,
            stage=work.evidence.stage,
            commit=commit,
            product=msgspec.structs.replace(where, start=base),
            policy=view.config.policy,
            quality=quality,
            acceptance=task.spec.acceptance,
            paths=task.spec.paths,
            factory=str(factory.root),
            factory_commit=factory.store.commit or "",
            recorded=work.evidence.gates,
        ),
        view.config,
        work,
    )
    run_dir = factory.run_folder(f"{name}.check.{secrets.token_hex(4)}")
    try:
        gates = asyncio.run(inspect(asked, run_dir))
    except (Ended, GitError) as error:
        raise Refused(f"Task/{name}: the gates cannot run: {error}") from error
    finally:
        trees.remove(run_dir)
    found = score(quality, gates) if quality else _plain(gates)
    firm = all(gate.result is GateResult.PASS for gate in gates if gate.severity == "must")
    passed = firm and (quality is None or found.held >= quality.threshold)
    return Checked(name, commit, base, gates, quality, found, passed)


def _work(factory: Factory, task: TaskState) -> Attempt | None:
    """The latest attempt of this task, or of one that it follows from, that changed the product or would have."""
    for name in line(factory, task):
        attempts = [attempt for attempt in factory.store.attempts(name) if attempt.evidence.product_commit]
        changed = [item for item in attempts if item.evidence.base_commit != item.evidence.product_commit]
        if changed:
            return changed[-1]
    return None


def _asked(plain: Inspection, config: Config, work: Attempt) -> Inspection:
    """With what the blueprint and the roles say that did the work, as far as they still exist."""
    evidence = work.evidence
    company = config.companies.get(evidence.company)
    acting = {phase.role for phase in evidence.phases}
    roles = [config.agents[name] for role, name in company.agents.items() if role in acting] if company else []
    environment = {
        "ALAI_TASK": work.task,
        "ALAI_TITLE": plain.title,
        "ALAI_STAGE": plain.stage,
        "ALAI_COMPANY": company.title if company else "",
    }
    asked = msgspec.structs.replace(plain, role_paths=tuple(agent.paths for agent in roles), environment=environment)
    if evidence.blueprint not in config.blueprints:
        return asked
    blueprint = resolve_blueprint(config.blueprints, evidence.blueprint)
    folder = blueprint_folder(config, evidence.blueprint)
    return msgspec.structs.replace(asked, gates=blueprint.gates, blueprint_folder=folder)


def _plain(gates: tuple[GateReport, ...]) -> Score:
    missing = tuple(gate.id for gate in gates if gate.result is not GateResult.PASS)
    return Score(held=len(gates) - len(missing), of=len(gates), missing=missing)
