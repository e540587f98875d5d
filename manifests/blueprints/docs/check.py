"""Checks Markdown in the current folder: there is some, each file has heading and text, relative links lead somewhere.

With ALAI_CHANGED (one changed path a line) only those files are looked at, and one of them must be Markdown.
"""

import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote

SKIPPED = {".git", "node_modules", ".venv", "vendor", "dist", "build"}
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
MINIMUM = 80  # characters of text below which a page says nothing


def pages() -> list[Path]:
    changed = os.environ.get("ALAI_CHANGED")
    if changed is None:
        found = [path for path in Path().rglob("*.md") if not SKIPPED & set(path.parts)]
    else:
        found = [Path(line) for line in changed.splitlines() if line.lower().endswith(".md") and Path(line).is_file()]
    return sorted(found)


def prose(text: str) -> tuple[str, bool]:
    """The text without code blocks, and whether the last block was closed."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1] == fence:
            fence = ""
        elif not fence:
            kept.append(re.sub(r"`[^`]*`", "", line))
    return "\n".join(kept), not fence


def faults(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8", errors="replace")
    body, closed = prose(text)
    found = [] if closed else ["a code block is not closed"]
    if not re.search(r"^(#{1,6} \S|=+$|<h1)", body, re.MULTILINE):
        found.append("it has no heading")
    if len(text.strip()) < MINIMUM:
        found.append(f"it has fewer than {MINIMUM} characters")
    for target in LINK.findall(body):
        path = unquote(target.partition("#")[0].partition("?")[0])
        if not path or re.match(r"[a-z][a-z0-9+.-]*:", path, re.IGNORECASE) or path.startswith("//"):
            continue
        place = Path(path.lstrip("/")) if path.startswith("/") else page.parent / path
        if not place.exists():
            found.append(f"the link to {target} leads nowhere")
    return found


def main() -> int:
    looked_at = pages()
    lines = [f"{page}: {fault}" for page in looked_at for fault in faults(page)]
    if not looked_at:
        lines.append("no Markdown file was written")
    print("\n".join(lines) or f"{len(looked_at)} Markdown files are in order")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
