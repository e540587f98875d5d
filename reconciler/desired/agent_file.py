"""Claude Code's agent files (`companies/<company>/agents/**/*.md`) as Agent manifests, unchanged as they are.

The name is the front matter's, the company the folder's, the role the front matter's `role` or the file's name. Tools
are mapped to ours. What has no meaning here is left out and said in a warning.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from reconciler.desired import frontmatter
from reconciler.desired.frontmatter import FrontMatter
from reconciler.desired.words import safe
from reconciler.model.objects import API_VERSION
from reconciler.model.tools import ALWAYS, CLAUDE_CODE, TOOLS, WRITING

_PATH = re.compile(r"companies/([^/]+)/(?i:agents)/(?:[^/]+/)*([^/]+)\.(?i:md)\Z")
"""in capitals too: some disks make no difference, and what is not read would be missing without a word"""
_MEANT = frozenset(("name", "description", "tools", "disallowedTools", "role", "writes", "color", "permissionMode"))
_MAX_TITLE = 300


class AgentFile(msgspec.Struct, frozen=True):
    """`manifest` is None where the file declares no agent. `fault` and warnings are sentences."""

    manifest: dict[str, Any] | None
    warnings: tuple[str, ...] = ()
    fault: str = ""


def is_agent_file(path: str) -> bool:
    return _PATH.match(path) is not None


def read(path: str, data: bytes) -> AgentFile:
    """Read one file. Never raises for what stands in it."""
    found = _PATH.match(path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return AgentFile(None, fault="not UTF-8")
    front = frontmatter.read(text)
    if front.unclosed:
        return AgentFile(None, fault="the front matter is never closed: write a line of `---` below its last key")
    if found is None or front.keys is None:
        told = "declares no agent: it does not begin with front matter (`---`, keys, `---`)"
        return AgentFile(None, () if found is None or found[2].lower() == "readme" else (told,))
    if not _plain(front.text("name")):
        said = 'an agent file needs the key "name" in its front matter, with a letter (a-z) or digit in it'
        return AgentFile(None, fault=said)
    tools, dropped = _tools(front)
    plans = front.text("permissionMode") == "plan"
    ignored = sorted(set(front.keys) - (_MEANT if plans else _MEANT - {"permissionMode"}))
    warnings = [f"{safe(name)} has no meaning here and is left out" for name in ignored]
    warnings += [f"tool {safe(name)} is not one of ours and is left out" for name in dropped]
    spec = {
        "title": front.text("name")[:_MAX_TITLE],
        "company": _plain(found[1]),
        "role": _plain(front.text("role") if "role" in front.keys else found[2]),
        "prompt": front.body.strip(),
        "tools": tools,
        "writes": front.text("writes") if "writes" in front.keys else _writes(tools),
    }
    metadata = {"name": _plain(front.text("name"))}
    return AgentFile({"apiVersion": API_VERSION, "kind": "Agent", "metadata": metadata, "spec": spec}, tuple(warnings))


def _writes(tools: list[str]) -> str:
    return "product" if WRITING & set(tools) else "nothing"


def _tools(front: FrontMatter) -> tuple[list[str], list[str]]:
    """Our names of the tools that it may use, and those that it names and we do not have.

    Without the key it has all, as there; with one that names nothing, none. Who may only plan does not write. Asking
    HiveMind and finishing belong to every agent.
    """
    asked, denied = front.words("tools"), front.words("disallowedTools") or []
    given, unknown = _mapped(asked or [])
    if asked is None or "*" in asked:
        given, unknown = list(TOOLS), []
    taken, misnamed = _mapped(denied)
    if "*" in denied:
        taken = given
    if front.text("permissionMode") == "plan":
        taken = [*taken, *WRITING]
    kept = dict.fromkeys((*given, *(name for name in TOOLS if name in ALWAYS)))
    return [name for name in kept if name not in taken or name in ALWAYS], [*unknown, *misnamed]


def _mapped(names: list[str]) -> tuple[list[str], list[str]]:
    """`Bash(git log:*)` is `Bash`: our sandbox limits what a command can do, not which one it is."""
    ours: list[str] = []
    unknown: list[str] = []
    for name in names:
        plain = name.partition("(")[0].strip()
        if plain in CLAUDE_CODE:
            ours.append(CLAUDE_CODE[plain])
        elif plain in TOOLS or plain.startswith("mcp__"):
            ours.append(plain)
        elif plain != "*":
            unknown.append(plain)
    return ours, unknown


def _plain(name: str) -> str:
    """A name as manifests have them: `Code Reviewer` is `code-reviewer`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
