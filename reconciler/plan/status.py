"""Where a task stands: one order of judgement, used by plan, explain, list and the exit codes alike.

A live execution tells first, then cancellation, then the last attempt that counts, then what holds a task back.
Hosts and routes are not looked at here: they say where a task that is open can run (see `planner`).
"""

from __future__ import annotations

import msgspec

from reconciler.model.duration import seconds
from reconciler.model.execution import Attempt
from reconciler.model.objects import CANCELLED
from reconciler.model.view import Live, Status, TaskState, View
from reconciler.model.vocabulary import Phase, Reason, Verdict
from reconciler.plan.attempts import deciding, forgiven
from reconciler.plan.budget import exceeded
from reconciler.plan.classify import asked, sensitive
from reconciler.plan.ladder import FAILURES, PASSING
from reconciler.plan.lineage import Lineage
from reconciler.plan.match import Vocabulary, holds
from reconciler.plan.pair import RISKY
from reconciler.plan.resolve import Resolved
from reconciler.plan.verification import Verification, waits_to_be_sent


class Survey:
    """Judges the tasks of one view at one moment. What was judged once is remembered."""

    def __init__(self, view: View, now: float) -> None:
        self.view = view
        self.now = now
        self.lineage = Lineage(view)
        self.verification = Verification(self.lineage, self.decided)
        self._rails = Vocabulary(view.config.policy.human, view.config.languages)
        self._decided: dict[str, Status | None] = {}
        self._statuses: dict[str, Status] = {}
        self._passed: dict[str, bool] = {}

    def resolved(self, task: TaskState) -> Resolved:
        return self.lineage.resolved(task)

    def status(self, task: TaskState) -> Status:
        """Where the task stands."""
        known = self._statuses.get(task.name)
        if known is None:
            known = self._judge(task)
            self._statuses[task.name] = known
        return known

    def decided(self, task: TaskState) -> Status | None:
        """What cancellation and attempts say, or None while the task may still run. Looks at no other dependencies."""
        if task.name not in self._decided:
            self._decided[task.name] = None  # a lineage that leads back to itself decides nothing
            self._decided[task.name] = self._cancelled(task) or self._by_attempt(task)
        return self._decided[task.name]

    def passed(self, name: str) -> bool:
        """Has this task's pipeline passed: it, its next stages, or the rework that took its place?

        Merging is implied: the stage after which work is merged has no passed outcome before its merge.
        """
        if name not in self._passed:
            self._passed[name] = False
            self._passed[name] = self._chain_passed(name)
        return self._passed[name]

    def accepted(self, task: TaskState) -> bool:
        """Done, or rejected with a rework that was accepted: nothing more is asked of this very task."""
        status = self.decided(task)
        if status is None or task.live is not None:
            return False
        return status.phase is Phase.DONE or (status.phase is Phase.REJECTED and status.reason is Reason.SUPERSEDED)

    def _chain_passed(self, name: str) -> bool:
        task = self.view.tasks.get(name)
        if task is None or task.live is not None:
            return False
        status = self.decided(task)
        if status is None:
            return False
        last = deciding(task)
        attempt = last[-1].number if last else 0
        if status.phase is Phase.DONE:
            if self.lineage.next_stage(task) is None:
                return True
            child = self.lineage.child(task, "stage", attempt)
            return child is not None and self.passed(child.name)
        if status.phase is Phase.REJECTED:
            child = self.lineage.child(task, "rework", attempt)
            return child is not None and self.passed(child.name)
        return False

    def _judge(self, task: TaskState) -> Status:
        if task.live is not None:
            return _in_flight(task.live)
        decided = self.decided(task)
        if decided is not None:
            return decided
        if task.altered and self._is_altered(task):
            return _person(Reason.EVIDENCE_ALTERED, f"{task.altered[-1]} no longer matches its outcome commit")
        resolved = self.resolved(task)
        if resolved.problem:
            return _person(Reason.INVALID, resolved.problem)
        retry = self._retry(task)
        return (
            self._suspended(task, resolved)
            or self._rails_hold(task, resolved)
            or self._pair_hold(task, resolved)
            or self._dependencies(task)
            or self._over_budget(task, resolved)
            or retry
            or _open(task)
        )

    def _cancelled(self, task: TaskState) -> Status | None:
        goal = self.resolved(task).goal
        for item in (task.object, goal.object if goal else None):
            if item is not None and CANCELLED in item.annotations:
                why = item.annotations[CANCELLED] or "no reason given"
                return _status(Phase.CANCELLED, Reason.CANCELLED, f"{item.ref} was cancelled: {why}", settled=True)
        return None

    def _by_attempt(self, task: TaskState) -> Status | None:
        attempts = deciding(task)
        if not attempts:
            return None
        last = attempts[-1].evidence
        message = last.message
        if last.outcome is Verdict.PASSED:
            owed = self.lineage.owed(task, last.attempt)
            return _status(Phase.DONE, Reason.PASSED, message or "passed", settled=not owed)
        if last.outcome is Verdict.REJECTED:
            return self._rejected(task, last.attempt, message)
        if last.outcome is Verdict.NEEDS_HUMAN:
            return _person(last.reason, message)
        if last.outcome is Verdict.CANCELLED:
            return _status(Phase.CANCELLED, Reason.CANCELLED, message or "cancelled", settled=True)
        failures = len(_failures(attempts))
        allowed = self.view.config.policy.retry.attempts
        if failures >= allowed:
            text = f"{failures} of {allowed} attempts failed; the last: {last.reason}: {message}"
            return _status(Phase.FAILED, Reason.RETRY_CAP, text, settled=False)
        return None

    def _rejected(self, task: TaskState, attempt: int, message: str) -> Status:
        rework = self.lineage.child(task, "rework", attempt)
        if rework is None:
            return _status(Phase.REJECTED, Reason.REWORK_OPEN, f"{message}; its rework is not there yet", settled=False)
        if self.accepted(rework):
            text = f"{message}; superseded by {rework.object.ref}"
            return _status(Phase.REJECTED, Reason.SUPERSEDED, text, settled=True)
        return _status(Phase.REJECTED, Reason.REWORK_OPEN, f"{message}; see {rework.object.ref}", settled=False)

    def _is_altered(self, task: TaskState) -> bool:
        """Altered evidence that no intact attempt and no forgiveness has made irrelevant."""
        after = forgiven(task)
        numbers = [path.rpartition("/")[2] for path in task.altered]
        return not deciding(task) and any(not number.isdigit() or int(number) > after for number in numbers)

    def _retry(self, task: TaskState) -> Status | None:
        attempts = deciding(task)
        if not attempts:
            return None
        rules = self.view.config.policy.retry
        last = attempts[-1].evidence
        failures = len(_failures(attempts))
        times = failures if last.reason not in PASSING else _run(attempts)
        pause = min(seconds(rules.backoff) * 2 ** min(max(times - 1, 0), 32), seconds(rules.max_backoff))
        due = last.ended_at + pause
        told = f"attempt {last.attempt} ended with {last.reason}: {last.message}"
        if self.now < due:
            text = f"{told}; the next one waits {pause:g} s after it"
            reason = last.reason if last.reason is Reason.HOST_UNREACHABLE else Reason.BACKOFF
            return _status(Phase.WAITING, reason, text, settled=False, due_at=due)
        return _status(Phase.OPEN, Reason.RETRY, f"{told}; {rules.attempts - failures} attempts left", settled=False)

    def _rails_hold(self, task: TaskState, resolved: Resolved) -> Status | None:
        """The Policy's safety rails and criteria for people: both send work away from models before it starts."""
        if any(attempt.evidence.generation == task.object.generation for attempt in deciding(task)):
            return None
        rules = self.view.config.policy.human
        if rules:
            goal = resolved.goal.spec.title if resolved.goal else ""
            found = self._rails.found(f"{task.spec.title}\n{task.spec.description}\n{goal}")
            for rule in rules:
                if holds(rule, found):
                    return _person(Reason.POLICY_PATTERN, f"Policy rule {rule.id}: {rule.reason}")
        if (said := sensitive(task)) is not None:
            told = (
                f"{asked(said)} says it is sensitive ({said.sensitive}): {said.why}; let it go on with: {_resume(task)}"
            )
            return _person(Reason.SENSITIVE, told)
        acceptance = task.spec.acceptance
        if acceptance and all(criterion.person for criterion in acceptance):
            names = ", ".join(criterion.id for criterion in acceptance)
            return _person(Reason.PERSON_CRITERION, f"every acceptance criterion is for a person: {names}")
        return None

    def _pair_hold(self, task: TaskState, resolved: Resolved) -> Status | None:
        """What the Policy's `pair` keeps back: verifications that cost too much, and stages after a missing one."""
        if resolved.stage is None or self.lineage.risk(task) is None:
            return None
        if resolved.stage.when == RISKY:
            told = self.verification.approval(task)
            return _person(Reason.APPROVAL_NEEDED, f"{told}; allow it with: {_resume(task)}") if told else None
        if resolved.stage.scope == "task" and self.lineage.verifier(task) and self.verification.beyond(task):
            why = self.verification.unverified(task)
            told = (
                f"{why}; let it be built and verified again: alai-reconcile retry {self.lineage.base(task).object.ref}"
            )
            return _person(Reason.VERIFIER_MISSING, told) if why else None
        return None

    def _suspended(self, task: TaskState, resolved: Resolved) -> Status | None:
        if not resolved.suspended:
            return None
        if waits_to_be_sent(task, resolved):
            more = self.verification.approval(task)
            told = f"the verifier waits to be sent; send it with: {_resume(task)}{f' ({more})' if more else ''}"
            return _status(Phase.SUSPENDED, Reason.SUSPENDED, told, settled=False)
        what = task.object.ref if task.spec.suspend or resolved.goal is None else resolved.goal.object.ref
        return _status(Phase.SUSPENDED, Reason.SUSPENDED, f"{what} has suspend: true", settled=False)

    def _over_budget(self, task: TaskState, resolved: Resolved) -> Status | None:
        told = exceeded(task, resolved.goal)
        return _status(Phase.WAITING, Reason.BUDGET_EXCEEDED, told, settled=False) if told else None

    def _dependencies(self, task: TaskState) -> Status | None:
        unmet = [name for name in task.spec.depends_on if not self.passed(name)]
        if not unmet:
            return None
        told = ", ".join(
            f"Task/{name}" if name in self.view.tasks else f"Task/{name} (which is not there)" for name in unmet
        )
        return _status(Phase.WAITING, Reason.DEPENDENCY_NOT_READY, f"waits for {told}", settled=False)


def _failures(attempts: list[Attempt]) -> list[Attempt]:
    """Those that used up an attempt: a host that was away says nothing about the work."""
    return [
        attempt
        for attempt in attempts
        if attempt.evidence.outcome in FAILURES and attempt.evidence.reason not in PASSING
    ]


def _run(attempts: list[Attempt]) -> int:
    """How many of the last attempts in a row met a host that was away."""
    return len(attempts) - next(
        (at for at in range(len(attempts), 0, -1) if attempts[at - 1].evidence.reason not in PASSING), 0
    )


def _in_flight(live: Live) -> Status:
    execution = live.execution
    if execution.purpose == "classify":
        text = f"{execution.model or execution.backend} at {execution.host} is asked what sort of task it is"
        return _status(Phase.RUNNING, Reason.CLASSIFY, text, settled=False)
    told = f"attempt {execution.attempt} at {execution.host}"
    if live.state == "product-dirty":
        text = "accepted work waits: the product's checked-out branch has uncommitted changes"
        return _status(Phase.WAITING, Reason.PRODUCT_DIRTY, text, settled=False)
    if live.state == "product-locked":
        text = "accepted work waits: another git process holds the index of the product, or left its lock behind"
        return _status(Phase.WAITING, Reason.PRODUCT_LOCKED, text, settled=False)
    if live.state == "merging":
        return _status(Phase.RUNNING, Reason.MERGING, f"{told}: its work is being merged", settled=False)
    if live.state == "cancelling":
        return _status(Phase.RUNNING, Reason.CANCELLED, f"{told} is being cancelled", settled=False)
    return _status(Phase.RUNNING, Reason.RUNNING, told, settled=False)


def _resume(task: TaskState) -> str:
    return f"alai-reconcile resume {task.object.ref}"


def _open(task: TaskState) -> Status:
    if any(attempt.evidence.generation == task.object.generation for attempt in task.attempts):
        return _status(Phase.OPEN, Reason.RETRY, "a person asked for another attempt", settled=False)
    if task.attempts:
        return _status(Phase.OPEN, Reason.SPEC_CHANGED, "its spec has changed since its last attempt", settled=False)
    return _status(Phase.OPEN, Reason.NEW, "never attempted", settled=False)


def _person(reason: Reason, message: str) -> Status:
    return _status(Phase.HUMAN, reason, message or str(reason), settled=False)


def _status(phase: Phase, reason: Reason, message: str, *, settled: bool, due_at: float | None = None) -> Status:
    return Status(phase=phase, reason=reason, message=message, settled=settled, due_at=due_at)


def statuses(view: View, now: float) -> dict[str, Status]:
    """Where every task of the view stands, by name: for whoever asks about more than one."""
    survey = Survey(view, now)
    return {name: survey.status(task) for name, task in view.tasks.items()}


_latest: list[Survey] = []
"""The survey made last: callers ask about one task after the other of the same view at the same moment."""


def status(view: View, task: TaskState, now: float) -> Status:
    """Where one task stands. The index of the view is kept for the next question about the same view and moment."""
    if view.tasks.get(task.name) is not task:
        view = msgspec.structs.replace(view, tasks={**view.tasks, task.name: task})
    if not _latest or _latest[0].view is not view or _latest[0].now != now:
        _latest[:] = [Survey(view, now)]
    return _latest[0].status(task)
