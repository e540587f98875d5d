"""What agents leave for their company, judged once more before the controller commits it: paths, links, sizes."""

from __future__ import annotations

import msgspec

from reconciler.execute.paths import UnsafePath, clean
from reconciler.git.repository import SUBMODULE, SYMLINK, Repository
from reconciler.model.execution import MOST_NOTES, NOTE_BYTES, Refusal, Result
from reconciler.model.job import Brief


def company_notes(repository: Repository, commit: str, brief: Brief, result: Result) -> tuple[dict[str, bytes], Result]:
    """The files to commit, by path in the factory repository, and the result with a refusal for each that is none.

    `commit`: what they are to be written on.
    """
    if not result.state_files:
        return {}, result
    home = brief.notes_folder
    links = _links(repository, commit, home)
    notes: dict[str, bytes] = {}
    refused: list[Refusal] = []
    for file in result.state_files:
        why = _fault(file.path, file.text, links, home, len(notes))
        if why is None:
            notes[f"{home}/{file.path}"] = file.text.encode("utf-8", "replace")
        else:
            role = result.report.agent_type
            refused.append(Refusal(phase="", role=role, tool="write_file", what=file.path[:200], why=why))
    return notes, msgspec.structs.replace(result, refusals=(*result.refusals, *refused))


def _fault(path: str, text: str, links: frozenset[str], home: str, kept: int) -> str | None:
    try:
        normal = clean(path)
    except UnsafePath as unsafe:
        return str(unsafe)
    if normal != path:
        return "is not in its normal form"
    whole = f"{home}/{path}".split("/")
    if any("/".join(whole[:length]) in links for length in range(1, len(whole) + 1)):
        return "leads through a link"
    if len(text.encode("utf-8", "replace")) > NOTE_BYTES:
        return f"has more than {NOTE_BYTES} bytes"
    return f"is one of more than {MOST_NOTES} notes" if kept >= MOST_NOTES else None


def _links(repository: Repository, commit: str, home: str) -> frozenset[str]:
    """Everything on the way to the notes, and among them, that is no file and no folder."""
    parts = home.split("/")
    above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    entries = repository.changed(None, commit, [parts[0]])
    return frozenset(
        entry.path
        for entry in entries
        if entry.mode in (SYMLINK, SUBMODULE) and (entry.path in above or entry.path.startswith(f"{home}/"))
    )
