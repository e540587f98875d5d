"""The gates, asked by hand about one commit of a product. Writes logs into its run folder and nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reconciler.execute import text
from reconciler.execute.attempt import find_sandbox
from reconciler.execute.gates.places import widest
from reconciler.execute.gates.registry import ABOUT_AGENTS, ATTEMPT, judge
from reconciler.execute.gates.subject import Subject
from reconciler.execute.redact import Redactor, forced
from reconciler.execute.workspace import blueprint_files, checkout, fresh, settle
from reconciler.git import product
from reconciler.model.execution import GateReport
from reconciler.model.job import ProductBrief
from reconciler.model.spec import Criterion, Paths, PolicySpec, QualityGateSpec


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at, and by which rules. `product.start` is the commit that the work began from."""

    task: str
    title: str
    stage: str
    commit: str
    product: ProductBrief
    policy: PolicySpec
    quality: QualityGateSpec | None
    acceptance: tuple[Criterion, ...]
    gates: tuple[Criterion, ...] = ()
    paths: Paths = Paths()
    role_paths: tuple[Paths, ...] = ()
    """of the roles that worked on it"""
    environment: dict[str, str] = {}
    factory: str
    factory_commit: str
    blueprint_folder: str | None = None
    recorded: tuple[GateReport, ...] = ()
    """what the gates said when an agent handed the work in: a commit does not show how it worked"""


async def inspect(asked: Inspection, run_dir: Path) -> tuple[GateReport, ...]:
    """Every gate and every point. Raises Ended or GitError where they cannot run."""
    folder = await settle(fresh, run_dir)
    sandbox = await find_sandbox(asked.policy)
    where = asked.product
    changes = await settle(product.changed_files, where.path, where.start, asked.commit)
    blueprint = None
    if asked.blueprint_folder is not None:
        private = None if sandbox.bwrap else run_dir / "blueprint"
        factory = Path(asked.factory)
        blueprint = await settle(blueprint_files, factory, asked.factory_commit, asked.blueprint_folder, private)
    subject = Subject(
        root=run_dir / "clean",
        evidence=folder,
        sandbox=sandbox,
        policy=asked.policy,
        stage=asked.stage,
        product=where,
        acceptance=asked.acceptance,
        gates=asked.gates,
        blueprint=blueprint,
        environment=asked.environment,
        paths=asked.paths,
        role_paths=widest(list(asked.role_paths)),
        changes=changes,
        commit=asked.commit,
        quality=asked.quality,
    )
    async with checkout(where.path, asked.commit, subject.root):
        with forced(Redactor.of(extra=asked.policy.gates.secrets)):
            found = await judge(subject, ATTEMPT)
    return _as_recorded(asked, found)


def _as_recorded(asked: Inspection, found: tuple[GateReport, ...]) -> tuple[GateReport, ...]:
    """How an agent worked is judged once, when it hands in: those reports stand."""
    before = {gate.id: gate for gate in asked.recorded if gate.id in ABOUT_AGENTS}
    return tuple(_recorded(gate, before[gate.id]) if gate.id in before else gate for gate in found)


def _recorded(gate: GateReport, before: GateReport) -> GateReport:
    message = text.line(f"{before.message or before.result} (when it was handed in)", 300)
    return msgspec.structs.replace(gate, result=before.result, seconds=before.seconds, message=message)
