"""Ask models what sort of work tasks are, and record what they said: one commit an answer, no outcome.

What is lost or cancelled leaves nothing behind: its intent goes, and the planner asks again or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from reconciler.controller.brief import model_brief
from reconciler.controller.events import Event, Listener
from reconciler.controller.factory import Factory
from reconciler.controller.jobs import JobFiles
from reconciler.controller.record import CONTROLLER, cost_trailer, subject
from reconciler.controller.writer import Writer
from reconciler.dispatch.port import Dispatch, Finished
from reconciler.execute.redact import Redactor
from reconciler.git.record import NewCommit
from reconciler.model.errors import FactoryError
from reconciler.model.execution import Classification, Execution, classification_path, json_file
from reconciler.model.job import ClassifyBrief, ClassifyJob
from reconciler.model.spec import PolicySpec
from reconciler.model.view import Live, View
from reconciler.plan.classify import asked, vocabulary


def classify_job(factory: Factory, view: View, execution: Execution, commit: str) -> ClassifyJob:
    """The question, with all the words that may answer it. Raises FactoryError where the Routing asks nothing."""
    routing, task = view.config.routing, view.tasks[execution.task]
    if routing is None or routing.classify is None:
        raise FactoryError("Routing: nothing says that tasks are classified")
    domains, types = vocabulary(routing)
    brief = ClassifyBrief(
        execution=execution,
        factory_commit=commit,
        title=task.spec.title,
        description=task.spec.description,
        domains=domains,
        types=types,
        max_tokens=routing.classify.max_tokens,
        model=model_brief(factory, view, execution),
    )
    return ClassifyJob(id=execution.id, brief=brief)


class Classifier:
    """Looks at the questions in flight, once a turn of the loop."""

    def __init__(
        self, factory: Factory, dispatch: Dispatch, jobs: JobFiles, writer: Writer, listener: Listener
    ) -> None:
        self._factory = factory
        self._dispatch = dispatch
        self._jobs = jobs
        self._writer = writer
        self._tell = listener
        self.faults: dict[str, str] = {}
        """task -> what kept our own worker from asking about it; nobody is asked again in this run"""

    def record(self, view: View, live: Sequence[Live]) -> None:
        """Commit the answers that are there, and forget the questions that nobody has any more."""
        finished = self._dispatch.finished([item.execution.id for item in live])
        answers: list[tuple[ClassifyBrief, Classification]] = []
        dropped: list[str] = []
        for item in sorted(live, key=lambda item: item.execution.id):
            execution = item.execution
            end = finished.get(execution.id)
            if end is None:
                continue
            job = self._jobs.classify(execution.id)
            task = view.tasks.get(execution.task)
            if (
                job is None
                or task is None
                or task.object.generation != execution.generation
                or end.cancelled
                or (found := self._answer(execution.task, end, view.config.policy)) is None
            ):
                dropped.append(execution.id)
            else:
                answers.append((job.brief, found))
        if answers:
            self._writer.write(lambda: self._commits(answers))
        self._factory.store.forget(dropped)
        self._clean_up([*dropped, *(found.execution for _, found in answers)])
        for brief, found in answers:
            text = f"{found.domain}, {found.type}, {found.complexity} of 5" if found.sure else f"unsure: {found.why}"
            self._tell(Event("classified", brief.execution.task, f"{text} ({asked(found)})", brief.execution.stage))

    def _answer(self, task: str, end: Finished, policy: PolicySpec) -> Classification | None:
        """What the worker was told. Nothing where it failed itself: that is no answer of a model."""
        try:
            found = msgspec.json.decode(end.result or b"", type=Classification)
        except msgspec.MsgspecError as error:
            why = end.error or (f"the result cannot be read: {error}" if end.result else "the question was lost")
            told = f"a fault of ours, not a model's, kept it from being classified; in this run the rules decide: {why}"
            self._tell(Event("warning", task, told))
            self.faults[task] = why
            return None
        return msgspec.structs.replace(found, why=Redactor.of(extra=policy.gates.secrets).text(found.why))

    def _commits(self, answers: Sequence[tuple[ClassifyBrief, Classification]]) -> list[NewCommit]:
        live = {item.execution.id for item in self._factory.store.live()}
        return [_commit(brief, found) for brief, found in answers if found.execution in live]

    def _clean_up(self, jobs: Sequence[str]) -> None:
        if not jobs:
            return
        self._dispatch.forget(jobs)
        for job in jobs:
            self._jobs.remove(job)


def _commit(brief: ClassifyBrief, found: Classification) -> NewCommit:
    execution = brief.execution
    data = json_file(found)
    return NewCommit(
        files={classification_path(execution.goal, execution.task): data},
        subject=subject(f"classify: {brief.title}"),
        body=found.why,
        trailers=[
            ("Alai-Object", found.object),
            ("Alai-Execution", found.execution),
            ("Alai-Event", "classify"),
            ("Alai-Model", asked(found)),
            ("Alai-Cost-USD", cost_trailer(found.cost_usd)),
            ("Alai-Evidence", f"sha256:{hashlib.sha256(data).hexdigest()}"),
        ],
        author=CONTROLLER,
        time=int(found.ended_at),
    )
