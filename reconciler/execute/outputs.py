"""What an agent phase may answer with besides prose: files and a verdict. Schemas for the model, decoding for us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import msgspec

from reconciler.execute import answers, text
from reconciler.execute.redact import Redactor
from reconciler.model.spec import Finding

_T = TypeVar("_T")

MAX_FILES = 20
MAX_BYTES = 200_000
MAX_FINDINGS = 20
SEVERITIES = ("blocker", "minor", "info")

FILES_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "files": {
            "type": "array",
            "maxItems": MAX_FILES,
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
                "required": ["path", "content"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "files"],
    "additionalProperties": False,
}
VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "findings": {
            "type": "array",
            "maxItems": MAX_FINDINGS,
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "title": {"type": "string"},
                    "severity": {"enum": ["blocker", "minor", "info"]},
                    "detail": {"type": "string"},
                },
                "required": ["id", "title", "severity", "detail"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "findings"],
    "additionalProperties": False,
}
SCHEMAS = {"files": FILES_SCHEMA, "verdict": VERDICT_SCHEMA}
INSTRUCTIONS = {
    "files": 'Answer with one JSON object: {"summary": "...", "files": [{"path": "...", "content": "..."}]}. '
    "Paths are relative to the product's root; content is the whole file.",
    "verdict": 'Answer with one JSON object: {"summary": "...", "findings": [{"id": "short-name", "title": "...", '
    '"severity": "blocker" | "minor" | "info", "detail": "..."}]}. No findings: an empty list.',
}


class Unusable(Exception):
    """An answer that is not what was asked for. The message says why."""


class NewFile(msgspec.Struct, frozen=True):
    path: str
    content: str


class Files(msgspec.Struct, frozen=True):
    files: tuple[NewFile, ...]
    summary: str = ""


class RawFinding(msgspec.Struct, frozen=True):
    title: str
    id: str = ""
    severity: Literal["blocker", "minor", "info"] = "minor"
    detail: str = ""


class RawVerdict(msgspec.Struct, frozen=True):
    findings: tuple[RawFinding, ...]
    summary: str = ""


def files(said: str) -> Files:
    """Decode an answer of the sort `files`. Raises Unusable."""
    decoded = _decode(said, Files)
    if not decoded.files:
        raise Unusable("the answer names no files")
    if len(decoded.files) > MAX_FILES:
        raise Unusable(f"the answer has {len(decoded.files)} files, more than {MAX_FILES}")
    total = sum(len(file.content.encode("utf-8", "replace")) for file in decoded.files)
    if total > MAX_BYTES:
        raise Unusable(f"the answer's files have {total} bytes, more than {MAX_BYTES}")
    return msgspec.structs.replace(decoded, summary=text.visible(decoded.summary))


def verdict(said: str) -> tuple[str, tuple[Finding, ...]]:
    """Decode an answer of the sort `verdict`: its summary, and findings with clean, distinct ids. Raises Unusable."""
    decoded = _decode(said, RawVerdict)
    summary, findings = text.visible(decoded.summary), _findings(decoded.findings)
    if not findings and not summary.strip():
        raise Unusable("the verdict says neither what was looked at nor what was found")
    return summary, findings


def found(items: Sequence[Any]) -> tuple[Finding, ...]:
    """Findings as an agent handed them in, with clean, distinct ids. Raises msgspec.ValidationError."""
    return _findings(msgspec.convert(items, tuple[RawFinding, ...]))


def _findings(given: Sequence[RawFinding]) -> tuple[Finding, ...]:
    """The worst first, so that neither a limit nor an equal name drops a blocker; none for want of a name or title."""
    findings: dict[str, Finding] = {}
    worst = sorted(given, key=lambda raw: SEVERITIES.index(raw.severity))
    for number, raw in enumerate(worst[:MAX_FINDINGS], start=1):
        # before it becomes a name: in lower case a secret would no longer be known for one
        name = text.slug(Redactor.of().text(raw.id or raw.title)) or f"finding-{number}"
        if title := text.line(raw.title or raw.detail, 160).strip() or raw.id:
            detail = text.cut(raw.detail, 2000)
            findings.setdefault(name, Finding(id=name, title=title, severity=raw.severity, detail=detail))
    return tuple(findings.values())


def _decode(said: str, kind: type[_T]) -> _T:
    found = answers.json_object(said)
    if found is None:
        raise Unusable("the answer holds no JSON object")
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise Unusable(f"the answer's JSON is not as asked: {error}") from error
