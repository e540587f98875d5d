"""The reconciler: observe -> collect -> record -> plan -> carry out, again and again until nothing differs.

Level-triggered: each turn looks at the whole of git, SQLite and the engine; nothing depends on having seen an event.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from reconciler import trees
from reconciler.controller.brief import brief_for, product_problems
from reconciler.controller.classify import Classifier, classify_job
from reconciler.controller.collect import Collector, Ready
from reconciler.controller.events import Event, Listener, silent
from reconciler.controller.factory import Factory
from reconciler.controller.jobs import JobFiles
from reconciler.controller.observe import observe
from reconciler.controller.record import CONTROLLER, manifest_files, outcome_commit
from reconciler.controller.recovery import belongs, mend_products, sweep_runs
from reconciler.controller.world import Hosts, note_unprepared, unprepared
from reconciler.controller.writer import Writer, event_commit
from reconciler.dispatch.port import Dispatch
from reconciler.git.record import NewCommit
from reconciler.model.errors import FactoryError
from reconciler.model.execution import Evidence, Execution
from reconciler.model.job import AttemptJob, ClassifyJob
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.view import Change, Plan, TaskState, View
from reconciler.model.vocabulary import Action, Reason
from reconciler.plan.ladder import PASSING
from reconciler.plan.planner import plan
from reconciler.plan.stages import follow_ups, with_outcome
from reconciler.plan.status import status

BATCH = 4
"""From this many outcomes at once on, their slots are filled before they are written."""


class Reconciler:
    """One controller at work on one factory. Not thread-safe; the caller holds the lease."""

    def __init__(
        self,
        factory: Factory,
        open_dispatch: Callable[[], Dispatch],
        *,
        listener: Listener = silent,
        clock: Callable[[], float] = time.time,
        prune: bool = False,
    ) -> None:
        self._factory = factory
        self._open_dispatch = open_dispatch
        self._dispatch: Dispatch | None = None
        self._collector: Collector | None = None
        self._classifier: Classifier | None = None
        self._tell = listener
        self._clock = clock
        self._prune = prune
        self._jobs = JobFiles(factory.state / "jobs")
        self._hosts = Hosts(factory.state)
        self._writer = Writer(factory)

    def recover(self) -> None:
        """Mend what a killed controller left: half-written commits, worktrees, intents the engine never got."""
        self._writer.recover()
        observe(self._factory)
        store = self._factory.store
        swept = sweep_runs(self._factory, {item.execution.id for item in store.live()})
        for said in (*swept, *mend_products(self._factory, store.view())):
            self._tell(Event("warning", "", said))
        for item in store.live():
            job = self._jobs.find(item.execution.id)
            if job is None:
                store.forget([item.execution.id])
            else:
                self._engine().submit(job)
        self._jobs.keep_only({item.execution.id for item in store.live()})

    def turn(self) -> Plan:
        """One round. Returns the plan that is left to wait for after everything possible was set going."""
        ready = self._collect()
        if len(ready) >= BATCH:
            self._fill(ready)
        self._record(ready)
        observe(self._factory)
        view = self._factory.store.view()
        made = self._plan(view)
        creates = [change for change in made.changes if change.action is Action.CREATE]
        if creates and self._create(made):
            return self.turn()
        self._cancel(made)
        self._start(view, made)
        self._settle(view)
        return made

    def wait(self, seconds: float) -> bool:
        """Until something may have ended (True), or the time is over."""
        if self._dispatch is not None:
            return self._dispatch.wait(seconds)
        time.sleep(seconds)
        return False

    def close(self) -> None:
        """Stop the worker. What was running is resumed by the next controller."""
        self._writer.close()
        if self._dispatch is not None:
            self._dispatch.stop()

    def _engine(self) -> Dispatch:
        """The engine is started when there is something for it: a run with nothing to do must not pay for it."""
        if self._dispatch is None:
            self._dispatch = self._open_dispatch()
            self._dispatch.start()
            self._collector = Collector(self._factory, self._dispatch, self._jobs, self._tell, self._writer.ready)
            self._classifier = Classifier(self._factory, self._dispatch, self._jobs, self._writer, self._tell)
            live = [item.execution.id for item in self._factory.store.live()]
            self._dispatch.keep_only(lambda job: any(belongs(job, identifier) for identifier in live))
        return self._dispatch

    def _plan(self, view: View) -> Plan:
        """With the hosts and products as they are now; nobody is asked as long as nothing could start."""
        now = self._clock()
        if self._dispatch is None:
            made = plan(view, now)
            if not any(change.action in (Action.DISPATCH, Action.WAIT) for change in made.changes):
                return made
        world = msgspec.structs.replace(
            self._hosts.look(view.config.fleet),
            products=product_problems(self._factory, view),
            unprepared=unprepared(self._factory),
            unasked=dict(self._classifier.faults) if self._classifier is not None else {},
        )
        return plan(view, now, world)

    def _collect(self) -> list[Ready]:
        live = self._factory.store.live()
        if not live:
            return []
        self._engine()
        if self._collector is None or self._classifier is None:
            raise AssertionError("the collectors come with the engine")
        view = self._factory.store.view()
        asked = [item for item in live if item.execution.purpose == "classify"]
        if asked:
            self._classifier.record(view, asked)
        work = [item for item in live if item.execution.purpose != "classify"]
        return self._collector.collect(view, work, self._clock())

    def _record(self, ready: Sequence[Ready]) -> None:
        """Commit outcomes; each sees what the ones before it in the same batch have caused."""
        if not ready:
            return
        recorded: list[Evidence] = []

        def make() -> list[NewCommit]:
            view = self._factory.store.view()
            live = {item.execution.id for item in self._factory.store.live()}
            commits: list[NewCommit] = []
            recorded.clear()
            for item in ready:
                if item.evidence.execution not in live:
                    continue
                task = view.tasks.get(item.evidence.object.partition("/")[2])
                objects = self._follow_ups(view, task, item.evidence)
                commit, evidence, digest = outcome_commit(
                    item.evidence,
                    item.brief.title,
                    item.contents,
                    objects,
                    author=f"{item.brief.company_title} {item.evidence.agent}",
                    knowledge=item.knowledge,
                    notes=item.notes,
                )
                commits.append(commit)
                recorded.append(evidence)
                view = with_outcome(view, evidence, digest, objects)
            return commits

        self._writer.write(make)
        self._clean_up(recorded)

    def _fill(self, ready: Sequence[Ready]) -> None:
        """Give the slots that these left to others before their outcomes are written: writing many takes a while.

        Only for many: a few are written at once, and then what follows from them comes before what is new.
        """
        observe(self._factory)
        view = self._factory.store.view()
        over = {item.evidence.execution for item in ready}
        tasks = {
            name: msgspec.structs.replace(task, live=msgspec.structs.replace(task.live, state="judged"))
            if task.live is not None and task.live.execution.id in over
            else task
            for name, task in view.tasks.items()
        }
        view = msgspec.structs.replace(view, tasks=tasks)
        self._start(view, self._plan(view))

    def _follow_ups(self, view: View, task: TaskState | None, evidence: Evidence) -> tuple[Object, ...]:
        if task is None:
            return ()
        store = self._factory.store

        def exists(name: str) -> bool:
            return name in view.tasks or bool(store.find(Ref("Task", name)))

        return follow_ups(view, task, evidence, self._clock(), exists)

    def _clean_up(self, recorded: Sequence[Evidence]) -> None:
        """After the commits are durable the runs' own copies are not needed any more."""
        jobs = [item.execution for item in recorded]
        for item in recorded:
            # an earlier controller's merges, killed after the branch had moved, have left only their folders
            merges = {folder.name for folder in self._factory.run_folder("").glob(f"{item.execution}.merge.*")}
            jobs += sorted(merges.union(self._collector.merges(item.execution) if self._collector else ()))
        if self._dispatch is not None:
            self._dispatch.forget(jobs)
        for job in jobs:
            if said := trees.remove(self._factory.run_folder(job)):
                self._tell(Event("warning", "", said))
        for evidence in recorded:
            if evidence.reason in PASSING and evidence.host:
                self._hosts.doubt(evidence.host)
            self._jobs.remove(evidence.execution)
            task = evidence.object.partition("/")[2]
            follow = f" → {', '.join(evidence.follow_ups)}" if evidence.follow_ups else ""
            self._tell(
                Event("recorded", task, evidence.message + follow, evidence.stage, evidence.company, evidence.outcome)
            )

    def _create(self, made: Plan) -> bool:
        """Write what the pipeline owes and no outcome has brought, one commit each. Was anything written?"""
        store = self._factory.store

        def make() -> list[NewCommit]:
            if store.commit != made.commit:
                return []  # a person was faster: the next turn plans again
            return [
                event_commit(manifest_files([item]), f"create: {item.ref}", item.ref, "create", author=CONTROLLER)
                for item in made.create
                if all("from" in known.spec for known in store.find(item.ref))  # never over a person's own task
            ]

        return bool(self._writer.write(make))

    def _cancel(self, made: Plan) -> None:
        live = {item.execution.task: item for item in self._factory.store.live()}
        for change in made.changes:
            item = live.get(Ref.parse(change.address).name)
            if change.action is Action.CANCEL and item is not None and self._may_cancel(change):
                self._engine().cancel(item.execution.id)
                self._factory.store.set_live(item.execution.id, "cancelling")

    def _may_cancel(self, change: Change) -> bool:
        return self._prune or change.reason is not Reason.REMOVED

    def _start(self, view: View, made: Plan) -> None:
        """Intent before effect: the job file, then the row, then the queue."""
        if not made.dispatch:
            return
        engine = self._engine()  # first: where it refuses to start, nothing was intended
        self._writer.enter()
        jobs: list[AttemptJob | ClassifyJob] = []
        failed: dict[str, str] = {}
        for execution in made.dispatch:
            try:
                jobs.append(self._job(view, execution, made.commit))
            except FactoryError as error:  # one task's missing skill must not stop the others; the next plan holds it
                failed[execution.task] = str(error)
        if failed:
            note_unprepared(self._factory, made.commit, failed)
        for job in jobs:
            self._jobs.write(job)
        self._factory.store.intend([job.brief.execution for job in jobs])
        for job in jobs:
            engine.submit(job)
            self._tell_started(job.brief.execution, job.brief.title)

    def _job(self, view: View, execution: Execution, commit: str) -> AttemptJob | ClassifyJob:
        if execution.purpose == "classify":
            return classify_job(self._factory, view, execution, commit)
        return AttemptJob(id=execution.id, brief=brief_for(self._factory, view, execution, commit))

    def _tell_started(self, execution: Execution, title: str) -> None:
        model = f"{execution.model}@{execution.host}" if execution.model else execution.host
        what = f"classify: {title}" if execution.purpose == "classify" else title
        self._tell(Event("dispatched", execution.task, f"{what} ({model})", execution.stage, execution.company))

    def _settle(self, view: View) -> None:
        now = self._clock()
        self._factory.store.set_settled(
            {name: True for name, task in view.tasks.items() if status(view, task, now).settled}, view.commit
        )
