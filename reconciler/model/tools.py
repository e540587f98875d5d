"""The tools that an agent can be given, and what Claude Code calls them. Which phase has which is decided elsewhere."""

from __future__ import annotations

from collections.abc import Collection

TOOLS = (
    *("read_file", "write_file", "edit_file", "list_files", "search", "run_command"),
    *("knowledge", "propose_tasks", "finish"),
)
WRITING = frozenset(("write_file", "edit_file"))
ALWAYS = frozenset(("knowledge", "finish"))
"""no agent works without asking HiveMind first, and none can end without saying so"""

CLAUDE_CODE = {
    "Read": "read_file",
    "Write": "write_file",
    "Edit": "edit_file",
    "MultiEdit": "edit_file",
    "NotebookEdit": "edit_file",
    "Bash": "run_command",
    "Grep": "search",
    "Glob": "list_files",
    "LS": "list_files",
    "Task": "propose_tasks",
    "Agent": "propose_tasks",
}
"""its name for a tool -> ours; to hand work on is to propose tasks"""


def grant_nothing(named: Collection[str] | None) -> bool:
    """Whether a list of tools leaves an agent nothing to work with; None is no list, and leaves it all."""
    return named is not None and ALWAYS.issuperset(named)
