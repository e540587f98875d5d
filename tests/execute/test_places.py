"""What would run by itself on a person's machine goes to that person."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.vocabulary import Verdict
from tests.execute.conftest import Make, Repo, sh
from tests.quality.works import outcome

PLACES = (
    ".githooks/pre-commit",
    ".husky/pre-push",
    ".envrc",
    ".vscode/tasks.json",
    ".lfsconfig",
    ".idea/runConfigurations/a.xml",
    ".devcontainer/devcontainer.json",
    ".claude/settings.json",
    ".mcp.json",
    "sub/.envrc",
)


@pytest.mark.parametrize("there", [False, True])
def test_what_git_shells_and_editors_run_is_not_changed_without_a_persons_word(
    there: bool, brief: Make, product: Repo, tmp_path: Path
) -> None:
    if there:
        product.commit(dict.fromkeys(PLACES, "{}\n"))
    script = "; ".join(f"mkdir -p $(dirname {path}); echo '{{ }}' > {path}" for path in PLACES)
    found, message, result = outcome(brief(sh(script)), tmp_path)
    assert found is Verdict.NEEDS_HUMAN, message
    (gate,) = [gate for gate in result.gates if gate.id == "protected"]
    assert gate.log
    log = (tmp_path / "run/evidence" / gate.log).read_text()
    assert [line.partition(":")[0] for line in log.splitlines()] == sorted(PLACES)
