"""The loop around a real model, where one is installed: a file is written by a call that the model itself made."""

from __future__ import annotations

import asyncio

from reconciler.execute.agent.loop import Loop
from reconciler.execute.agent.port import Terms
from reconciler.execute.backends import Message, open_backend
from reconciler.model.vocabulary import Reason
from tests.agent.conftest import Desk, Notes
from tests.backends.test_embedded import MODEL, WRITE, example, real

__all__ = ["real"]


def test_a_real_model_writes_a_file_through_the_loop_and_is_not_believed_to_be_done(real: None) -> None:
    opening = (
        Message(role="system", text="You write files with the tool write_file."),
        *example(1, "a.txt", "apple"),
        *example(2, "notes.md", "buy milk"),
        Message(role="user", text="Create the file hello.txt that contains: hello world"),
    )
    desk, notes = Desk(specs=(WRITE,)), Notes()
    terms = Terms(max_steps=1, max_tokens=80, num_ctx=MODEL.num_ctx)
    ending = asyncio.run(Loop(open_backend(MODEL)).work(opening, desk, terms, notes))
    assert desk.files == {"hello.txt": "hello world"}
    assert (ending.reason, ending.steps, ending.cost_usd) == (Reason.STEP_LIMIT, 1, 0.0)
    assert ending.tokens
    assert notes.turns[-1].text == "wrote hello.txt"
