"""What gates judge: an exact commit, checked out clean, with definitions from the brief and the base."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.gates.cause import cause
from reconciler.execute.process import Completed
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.workspace import settle
from reconciler.git.product import diff_added_lines
from reconciler.git.repository import SUBMODULE, Repository
from reconciler.model.duration import seconds
from reconciler.model.execution import GateReport, PhaseReport
from reconciler.model.history import TreeChange
from reconciler.model.job import ProductBrief
from reconciler.model.spec import Criterion, Paths, PolicySpec, QualityGateSpec
from reconciler.model.vocabulary import GateResult

LOG_CHARACTERS = 200_000
MOST_BYTES = 5_000_000
"""of a file, as it is and as it was before"""
MOST_PATHS = 2_000
"""that one git command is asked about"""


_MAX_LINES = 300_000
_LEAST = 5.0
"""seconds to read in, however short commands have to be: a busy machine takes some of them to begin"""
_MAX_ADDED = 50_000_000
"""bytes of all changed files that are looked through"""
_MAX_LISTED = 30_000
"""Characters: Linux takes 128 KiB for one variable, and a character may need four bytes."""


Told = Literal["all", "named", "nothing"]


class TooMuch(Exception):
    """More was added than can be looked through."""

    def __str__(self) -> str:
        return "too much was added to look through"


class Uncopied(Exception):
    """A checkout of which no copy can be made to run a command in."""

    def __str__(self) -> str:
        return f"the files cannot be copied to run it: {self.args[0]}"


@dataclass(kw_only=True)
class Subject:
    """`root` is the clean checkout (or a scratch folder); `changes`: what the work changed.

    `added` holds (path, line) of every line that was added; None where there are too many to look through.
    """

    root: Path
    evidence: Path
    sandbox: Sandbox
    policy: PolicySpec
    stage: str = ""
    product: ProductBrief | None = None
    acceptance: tuple[Criterion, ...] = ()
    gates: tuple[Criterion, ...] = ()
    blueprint: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    paths: Paths = field(default_factory=Paths)
    role_paths: tuple[Paths, ...] = ()
    """of the roles that acted; a change must be open to one of them"""
    phases: tuple[PhaseReport, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: frozenset[str] = frozenset()
    """phases that were asked for prose"""
    changes: Sequence[TreeChange] = ()
    added: Sequence[tuple[str, str]] | None = ()
    commit: str | None = None
    """the commit under judgement, where `added` is still to be read from it"""
    quality: QualityGateSpec | None = None
    asked: bool = False
    """whether an agent asked HiveMind"""
    decided: Sequence[str] = ()
    """what agents reported as decided"""
    _listed: dict[str, TreeChange] | None = None
    _before: dict[str, bytes] | None = None

    def lines(self) -> Iterator[tuple[str, str]]:
        """(path, line) of every line that was added. Raises TooMuch."""
        if self.added is None:
            raise TooMuch
        yield from self.added

    def scratch(self) -> AbstractContextManager[Path]:
        """A temporary folder on the file system of the work, where a copy of it costs least."""
        return trees.scratch(self.root.parent)

    @property
    def wall(self) -> float:
        """Seconds that reading the work may take in a process of its own."""
        limits = self.policy.limits
        return max(_LEAST, min(seconds(limits.command), seconds(limits.stall)))

    def read_added(self) -> None:
        """Read what the commit added into `added`."""
        if self.product is None or self.commit is None or not self.changes:
            return
        if sum(map(self._size, self.changes)) > _MAX_ADDED:
            self.added = None
            return
        lines: list[tuple[str, str]] = []
        for entry in diff_added_lines(self.product.path, self.product.start, self.commit):
            lines.append(entry)
            if len(lines) > _MAX_LINES:
                self.added = None
                return
        self.added = lines

    def content(self, path: str) -> bytes:
        """A file of the work, at most MOST_BYTES of it; nothing where it is no plain file of the checkout."""
        place = self.root / path
        if not trees.stays_inside(self.root, place.parent) or not place.is_file() or place.is_symlink():
            return b""
        with place.open("rb") as file:
            return file.read(MOST_BYTES)

    def _size(self, change: TreeChange) -> int:
        """Bytes of a changed file of the checkout; 0 where there is none."""
        try:
            return (self.root / change.path).lstat().st_size
        except OSError:
            return 0

    def before(self, change: TreeChange) -> bytes | None:
        """The file as it was where the work began; None where there was none, or a huge one."""
        if self._before is None:
            self._before = self._read_before()
        return self._before.get(change.path)

    def mode_before(self, change: TreeChange) -> str | None:
        """The git mode that the path had where the work began."""
        entry = self._base().get(change.path)
        return entry.mode if entry else None

    def _base(self) -> dict[str, TreeChange]:
        """The changed paths as they were where the work began."""
        if self._listed is None:
            paths = [change.path for change in self.changes if change.old][:MOST_PATHS]
            self._listed = {}
            if self.product and paths:
                listed = Repository(Path(self.product.path)).changed(None, self.product.start, paths)
                self._listed = {entry.path: entry for entry in listed}
        return self._listed

    def _read_before(self) -> dict[str, bytes]:
        if self.product is None:
            return {}
        repository = Repository(Path(self.product.path))
        oids = {path: entry.new or "" for path, entry in self._base().items() if entry.mode != SUBMODULE}
        small = [oid for oid, size in repository.sizes(oids.values()).items() if size <= MOST_BYTES]
        bodies = dict(repository.blobs(small))
        return {path: bodies[oid] for path, oid in oids.items() if oid in bodies}

    async def check(
        self, gate: str, command: str, *, root: Path | None = None, proves: bool = True, told: Told = "named"
    ) -> GateReport:
        """Run a shell command as a gate: what it writes is thrown away. Only exit 0 passes; being ended is an error.

        `told`: which variables it gets: those that it names, and all where it goes to the blueprint's own files. Tests
        of a product get none: work could behave only while it is judged.
        """
        changed = self._changed()
        if changed is None and "ALAI_CHANGED" in command:
            message = "ALAI_CHANGED cannot hold the names of all changed files, so the check would not see them all"
            return GateReport(id=gate, result=GateResult.ERROR, message=message)
        try:
            async with self._alike(root or self.root) as place:
                done = await self.sandbox.run(
                    ["/bin/sh", "-c", command],
                    root=place,
                    access="discard",
                    blueprint=self.blueprint if told != "nothing" and "BLUEPRINT" in command else None,
                    env=self._told(command, changed or "", told),
                )
        except Uncopied as error:
            return GateReport(id=gate, result=GateResult.ERROR, message=str(error))
        log = self.log(gate, f"$ {command}\n{done.text()}\n[{done.stopped or f'exit {done.exit}'}]\n")
        seconds = round(done.seconds, 3)
        result = GateResult.PASS if done.ok else GateResult.ERROR if done.stopped else GateResult.FAIL
        return GateReport(id=gate, result=result, seconds=seconds, message=self._message(done), log=log, proves=proves)

    @asynccontextmanager
    async def _alike(self, root: Path) -> AsyncGenerator[Path]:
        """Where a product's command runs: a fresh copy, the same for all of them, or work could tell by its place,
        by links or by times whether it runs for itself or with tests of ours. Raises Uncopied."""
        if self.product is None:
            yield root
            return
        with self.scratch() as folder:
            place = folder / "work"
            try:
                await settle(_copied, root, place)
            except OSError as error:
                raise Uncopied(error.strerror or str(error)) from error
            yield place

    def said(self, report: GateReport) -> str:
        """What the gate's command printed, as far as its log holds it."""
        return (self.evidence / report.log).read_text(encoding="utf-8", errors="replace") if report.log else ""

    def _told(self, command: str, changed: str, told: Told) -> Mapping[str, str]:
        known = {**self.environment, "ALAI_CHANGED": changed}
        if told == "all" or (told == "named" and "BLUEPRINT" in command):
            return known
        return {name: value for name, value in known.items() if name in command and told == "named"}

    def _changed(self) -> str | None:
        """The changed paths, one a line; None where an environment variable cannot hold them."""
        listed = "\n".join(change.path for change in self.changes)
        return listed if len(listed) <= _MAX_LISTED else None

    def judge(
        self, gate: str, faults: Sequence[str], well: str, *, otherwise: GateResult = GateResult.FAIL
    ) -> GateReport:
        """The report of a gate that looked instead of running: `faults` are its lines, none means all is well."""
        result = otherwise if faults else GateResult.PASS
        log = self.log(gate, "\n".join(faults or [well]) + "\n")
        message = well
        if faults:
            message = faults[0] if len(faults) == 1 else f"{faults[0]} (and {len(faults) - 1} more)"
        return GateReport(id=gate, result=result, message=text.line(message, 300), log=log)

    def log(self, gate: str, content: str) -> str:
        """Write a gate's log, bounded and redacted; its path below the evidence folder."""
        name = f"gates/{gate.replace('/', '-')}.log"
        path = self.evidence / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = text.both_ends(content, LOG_CHARACTERS)
        path.write_text(kept, encoding="utf-8", errors="replace")
        return name

    def _message(self, done: Completed) -> str:
        if done.ok:
            return ""
        said = cause(done.text())
        return ": ".join(part for part in (done.stopped or f"exit {done.exit}", said) if part)


def _copied(root: Path, place: Path) -> None:
    trees.copy(root, place, leave={".git"}, alike=True)
    (place / ".git").mkdir()  # where agents work there is one, whose content no command sees either
