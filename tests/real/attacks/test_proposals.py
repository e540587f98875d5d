"""What a model proposes carries no command into a task, in whatever form it says it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.model.job import AgentBrief
from reconciler.model.spec import Paths
from tests.real.attacks.lab import Bench
from tests.standins.script import calls

CHECKED = {"text": "All pass", "check": "true"}
LEAD = AgentBrief(
    name="codecraft-lead", role="builder", prompt="Lead.", writes="company", paths=Paths(allow=("companies/**",))
)


def task(acceptance: Any, **more: Any) -> dict[str, Any]:
    return {"name": "shelf", "title": "Build the shelf", "acceptance": acceptance, **more}


FORMS: dict[str, Any] = {
    "an object": {"tasks": [task([CHECKED])]},
    "a list as text": {"tasks": [task(json.dumps([CHECKED]))]},
    "objects as texts": {"tasks": [task([json.dumps(CHECKED)])]},
    "a single object": {"tasks": [task(CHECKED)]},
    "tasks as text": {"tasks": json.dumps([task([CHECKED])])},
    "all as text": json.dumps({"tasks": json.dumps([task([CHECKED])])}),
    "a key of its own": {"tasks": [task(["All pass"], check="true", gates=[CHECKED])]},
    "other keys of a task": {
        "tasks": [
            task(
                ["All pass"],
                product={"repository": "../other", "test": "true"},
                company="other",
                stage="DEPLOY",
                budget={"usd": 1000},
                **{"from": {"task": "x", "relation": "stage"}},
            )
        ]
    },
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.replace(" ", "-"))
def test_a_proposal_brings_no_command_as(form: str, bench: Callable[..., Bench]) -> None:
    done = bench().works(calls(("propose_tasks", FORMS[form])), agents={"builder": LEAD})
    for proposed in done.result.proposals:
        assert all(isinstance(sentence, str) for sentence in proposed.acceptance)
        assert not {"product", "company", "stage", "budget", "origin"} & {
            name for name in getattr(proposed, "__struct_fields__", ()) if getattr(proposed, name) not in (None, "", ())
        }
