"""Text that an agent leaves to hold up whoever reads it."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

import msgspec
import pytest

from reconciler.execute import apart
from reconciler.execute.apart import Broke, TooLong
from reconciler.execute.attempt import run_attempt
from reconciler.model.spec import Criterion, PolicySpec
from reconciler.model.spec.rules import GateRules
from reconciler.model.vocabulary import GateResult, Reason, Verdict
from tests.escape.conftest import LIMITS, Prison
from tests.execute.conftest import sh

CLUMSY = r"^(a+)+$"
"""takes twice as long for each further letter"""


def clumsy(line: str) -> bool:
    return re.search(CLUMSY, line) is not None


def large(count: int) -> int:
    return len(bytearray(count))


@pytest.mark.parametrize(
    "script",
    [
        "printf '# TODO%3000sx\\n' '' > hello.py",
        "python3 -c \"print('eyJ-' * 25000)\"",
        "python3 -c \"open('data.txt', 'w').write('a.' * 200000)\"",
    ],
)
def test_one_hostile_line_costs_an_attempt_nothing(prison: Prison, script: str) -> None:
    began = time.process_time()
    told = prison.shell(script)
    assert told.result
    assert told.result.reason is Reason.PASSED
    assert time.process_time() - began < 10


def test_gates_that_come_to_no_end_are_ended_and_said_and_the_loop_goes_on_meanwhile(prison: Prison) -> None:
    policy = PolicySpec(limits=msgspec.structs.replace(LIMITS, command="3s"), gates=GateRules(placeholders=(CLUMSY,)))
    asked = prison.brief(sh("echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab > a.py"), policy=policy)
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.02)
            turns += 1

    async def both() -> Verdict:
        other = asyncio.ensure_future(beside())
        result = await run_attempt(asked, prison.outside / "run")
        other.cancel()
        stuck = [gate for gate in result.gates if gate.result is GateResult.ERROR]
        assert "placeholder" in {gate.id for gate in stuck}
        assert all("did not come to an end within 5 s" in gate.message for gate in stuck)
        return result.ended

    assert asyncio.run(both()) is Verdict.PASSED  # of the phases: the gates decide, and none that broke counts
    assert turns > 20


def test_what_takes_too_long_or_too_much_is_ended_and_the_next_call_is_answered() -> None:
    async def all_three() -> int:
        with pytest.raises(TooLong):
            await apart.apart(clumsy, "a" * 40 + "b", wall=0.5)
        with pytest.raises(Broke, match=r"MemoryError|died"):
            await apart.apart(large, 4 * apart.MEMORY, wall=20)
        with pytest.raises(Broke, match="TypeError"):
            await apart.apart(large, "x", wall=20)
        return await apart.apart(large, 5, wall=20)

    assert asyncio.run(all_three()) == 5


def test_whoever_is_cancelled_leaves_no_process_at_work() -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(apart.apart(clumsy, "a" * 40 + "b", wall=60))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert asyncio.run(apart.apart(os.getpid, wall=20)) != os.getpid()


def test_code_that_ends_its_runner_is_found_in_what_a_commit_added(prison: Prison) -> None:
    told = prison.shell("printf 'import os\\nos._exit(0)\\n' > app.py")
    assert told.result
    found = {gate.id: gate for gate in told.result.gates}["tests/code"]
    assert (found.result, found.message) == (GateResult.FAIL, "app.py:2: ends the program while it is loaded")


@pytest.mark.parametrize(
    "makefile", ["test:\n\tmake test\n", "test:\n\tmake a\na:\n\tmake test a\n", "A=$(A) $(A)\ntest:\n\tmake $(A)\n"]
)
def test_targets_that_make_themselves_hold_up_no_gate(prison: Prison, makefile: str) -> None:
    prison.product.commit({"Makefile": makefile, "tests/test_a.py": "def test(): pass\n"})
    check = Criterion(id="made", text="It is made.", check="make test || true")
    told = prison.shell("echo x >> tests/test_a.py", acceptance=(check,), policy=prison.brief_policy(processes=20))
    assert told.result
    assert {"tests", "acceptance/made"} <= {gate.id for gate in told.result.gates}
    assert not [gate for gate in told.result.gates if "come to an end" in gate.message]


def test_text_that_breaks_what_reads_it_is_the_works_fault_and_has_evidence(prison: Prison) -> None:
    told = prison.shell("echo \ud800")
    assert told.result
    assert (told.result.ended, told.result.reason) == (Verdict.FAILED, Reason.AGENT_FAILED)
    assert "UnicodeEncodeError" in told.result.message
    assert "cannot be read" in told.gotcha


def test_an_innocent_attempt_ends_while_the_one_beside_it_is_still_stuck(prison: Prison, tmp_path: Path) -> None:
    limits = msgspec.structs.replace(LIMITS, command="60s")
    policy = PolicySpec(limits=limits, gates=GateRules(placeholders=(CLUMSY,)))
    stuck = prison.brief(sh("echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab > a.py"), policy=policy)

    async def both() -> bool:
        hostile = asyncio.ensure_future(run_attempt(stuck, tmp_path / "hostile"))
        events = tmp_path / "hostile/progress.jsonl"
        while not (events.exists() and "gates started" in events.read_text()):
            await asyncio.sleep(0.05)
        innocent = await run_attempt(prison.brief(sh("echo x > b.py")), tmp_path / "innocent")
        assert innocent.reason is Reason.PASSED
        still = not hostile.done()
        hostile.cancel()
        await asyncio.gather(hostile, return_exceptions=True)
        return still

    assert asyncio.run(both())
