"""The worker's side of `calls`: what the controller asks, done with the engine. Imported by the worker alone."""

from __future__ import annotations

import socket

from dbos import DBOSClient

from reconciler.dispatch import calls, wire

_ENDED = list(wire.ENDED_STATES)


def answer(listening: socket.socket, engine: DBOSClient) -> None:
    """Answer one question after another, until nobody asks any more."""
    while True:
        try:
            question = calls.asked(listening)
        except OSError:
            return
        try:
            found = calls.Answer(rows=_done(engine, question))
        except Exception as error:
            found = calls.Answer(fault=f"{type(error).__name__}: {error}")
        try:
            calls.told(listening, found)
        except OSError:
            return


def _done(engine: DBOSClient, question: calls.Question) -> list[calls.Row]:
    match question:
        case calls.Submit():
            _enqueue(engine, question)
        case calls.Cancel():
            engine.cancel_workflow(question.job)
        case calls.Forget():
            engine.delete_workflows(question.jobs)
        case calls.States():
            found = engine.list_workflows(workflow_ids=question.jobs, load_input=False, load_output=False)
            return [calls.Row(row.workflow_id, row.status) for row in found]
        case calls.Outcomes():
            found = engine.list_workflows(workflow_ids=question.jobs, status=_ENDED, load_input=False)
            return [calls.Row(row.workflow_id, row.status, _text(row.output)) for row in found]
        case calls.Ended():
            found = engine.list_workflows(status=_ENDED, load_input=False, load_output=False)
            return [calls.Row(row.workflow_id, row.status) for row in found]
    return []


def _enqueue(engine: DBOSClient, question: calls.Submit) -> None:
    engine.enqueue(
        {
            "workflow_name": wire.WORKFLOW,
            "queue_name": wire.queue_name(question.host),
            "workflow_id": question.job,
            "app_version": wire.APPLICATION_VERSION,
            # The engine runs unset (0) before every explicit priority.
            "priority": max(1, question.priority),
        },
        question.text,
    )


def _text(output: object) -> str | None:
    return output if isinstance(output, str) else None
