"""The tools that an agent can be given, and what Claude Code calls them. Which phase has which is decided elsewhere."""

from __future__ import annotations

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
