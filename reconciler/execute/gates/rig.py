"""What the base decided about how it is checked: the files that a command leads to, and those that steer it.

No work may be judged by a test command, script, runner or module that it wrote itself. Names are read and
nothing is run, so it misses what a program puts together at run time.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler import trees
from reconciler.execute import paths
from reconciler.execute.gates.families import SOURCE, is_test, suffix
from reconciler.execute.gates.makefile import goals, is_named, package_scripts, recipes, scripts, with_included
from reconciler.execute.gates.manifests import merged
from reconciler.execute.gates.shell import TESTERS, compares, inner, listened, starts, steps
from reconciler.execute.gates.steering import MAKEFILES, RUNNERS, STARTS, plugs, shadows, steers
from reconciler.git.repository import SUBMODULE, Repository
from reconciler.model.history import TreeChange

_TARGET = re.compile(r"^test[ \t]*:(?!=)", re.MULTILINE)
_WORD = re.compile(r"[\w.@+-]+(?:/[\w.@+-]+)*")
CHECKING = re.compile(
    r"(?i)(?:^|[/_.-])(?:checks?|verify|tests?|lint|ci|validate|smoke|selftest|run[_-]?tests?)(?:[/_.-]|$)"
)
_SHELL = frozenset((".sh", ".bash", ".mk", ".bat", ".ps1", ".cmd", ".env", ""))
_SCRIPTS = frozenset((".sh", ".bash", ""))
TOOLS = re.compile(r"(?i)^(?:[^/]+/)?(?:tools?|scripts?|hack|checks?|audits?|qa|build-aux)/")
_ASSERTS = re.compile(
    r"\bassert\b|AssertionError|\b(?:unittest|pytest|doctest|node:test|vitest|mocha|jest|chai)\b"
    r"|\bexit\s*\(\s*(?:not\b|!|[01]\s+if\b|\w+\s*[=!]=)|\bexit 1\b|\bexpected\b|\bFAIL"
)
"""what a program does that looks at others"""
_LOOKS = re.compile(
    r"\b(?:unittest|pytest|diff|cmp|expected|FAIL|passed)\b|--test\b|\bnot ok\b"
    r"|\b(?:npm|go|cargo|mvn|gradle|make) (?:run )?test\b"
)
"""the same for the shell, where any program may end badly"""
_ENDS_BADLY = re.compile(r"\bexit [1-9$]|\bset -\w*e|\breturn 1\b|&&|\b(?:grep|diff|cmp|test)\b|\[ ")
_FUNCTION = re.compile(r"^[ \t]*(?:function[ \t]+)?(\w+)[ \t]*\(\)", re.MULTILINE)
_TAKES = re.compile(
    r"^[ \t]*+(?:from[ \t]++\.?([\w.]++)[ \t]++import|import[ \t]++([\w.]++))"
    r"|(?:require\(|\bfrom\s|\bimport\s)[ \t]*+['\"](\./[\w./-]++)['\"]",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"^(?:\$[({]?\w+[)}]?/+|\./)+")
_STARTERS = {"make": MAKEFILES, "npm": ("package.json",), "yarn": ("package.json",), "pnpm": ("package.json",)}
_NO_TESTS = frozenset(("conftest.py", "__init__.py"))
_MOST_BYTES = 200_000
_MOST_JUDGED = 5_000_000
_MOST_TEXTS = 2_000


class TooFar(Exception):
    """A command leads to more than can be followed."""

    def __str__(self) -> str:
        return f"what `{self.args[0]}` leads to is too much to follow: name a test command that runs less by others"


class Base:
    """The product's branch as it was when the job was made."""

    def __init__(self, path: Path, tip: str) -> None:
        self._repository = Repository(path)
        self.paths: dict[str, TreeChange] = {entry.path: entry for entry in self._repository.changed(None, tip, [])}

    def has_target(self) -> bool:
        """Whether `make test` is its test command."""
        return any(_TARGET.search(data.decode("utf-8", "replace")) for data in self.files(MAKEFILES).values())

    def has_tests(self) -> bool:
        """Whether there are tests without those that the work brings."""
        oids = [
            entry.new or ""
            for path, entry in self.paths.items()
            if is_test(path) and suffix(path) in SOURCE and posixpath.basename(path) not in _NO_TESTS
        ]
        if any(self._repository.sizes(oids).values()):
            return True
        rust = [path for path in self.paths if path.endswith(".rs")]  # tests stand in what they test
        return any("#[test]" in text for text in self.small(rust, _MOST_JUDGED).values())

    def small(self, wanted: Iterable[str], most: int) -> dict[str, str]:
        """The texts of those that are not long, in their order, until they are `most` bytes together."""
        oids = {path: self.paths[path].new or "" for path in wanted if self.paths[path].mode != SUBMODULE}
        sizes = self._repository.sizes(oids.values())
        taken: list[str] = []
        for path, oid in oids.items():
            most -= sizes[oid] if sizes[oid] <= _MOST_BYTES else 0
            if sizes[oid] <= _MOST_BYTES and most >= 0:
                taken.append(path)
        return {path: data.decode("utf-8", "replace") for path, data in self.files(taken).items()}

    def files(self, wanted: Iterable[str]) -> dict[str, bytes]:
        """Those of the paths that the base has, with their content."""
        there = {path: self.paths[path].new or "" for path in wanted if path in self.paths}
        there = {path: oid for path, oid in there.items() if self.paths[path].mode != SUBMODULE}
        bodies = dict(self._repository.blobs(set(there.values())))
        return {path: bodies[oid] for path, oid in there.items()}


class Rig:
    """How one command is carried out on the base."""

    def __init__(self, base: Base, command: str) -> None:
        self._base = base
        self.words: set[str] = set()
        """all that it and what it leads to say, as names of files"""
        self.named: set[str] = set()
        """files of the base that the command leads to, and that by their names are there to check with"""
        self.started: set[str] = set()
        """files of the base that the command starts or loads, whatever they are called"""
        self.compared: set[str] = set()
        """files of the base that the command holds what it gets against"""
        self._included: set[str] = set()
        """names and patterns of what the Makefiles that it comes to take in"""
        self.texts: dict[str, None] = {}
        """the command, and the recipes and shell scripts that it comes to"""
        self._waiting = [command]
        while self._waiting:
            text = self._waiting.pop()
            if text not in self.texts:  # a target may make itself
                self.texts[text] = None
                self._lead(text)
                self._start(text)
            if len(self.texts) > _MOST_TEXTS:
                raise TooFar(command)
        folders = {"/".join(parts[:at]) for parts in (p.split("/") for p in base.paths) for at in range(1, len(parts))}
        self._starts = {folder for folder in folders & self.words if f"{folder}/__init__.py" not in base.paths}

    @property
    def runs_tests(self) -> bool:
        """Whether a test runner is among what it says."""
        return not self.words.isdisjoint(TESTERS)

    def decides(self, path: str) -> bool:
        """Whether a file at `path` can change what the command does, other than by being what is checked."""
        if is_test(path) or steers(path) or path in self.named or path in self.started:
            return True
        if self._is_program(path) or self.includes(path):
            return True
        inner = [path.removeprefix(f"{start}/") for start in self._starts if path.startswith(f"{start}/")]
        return any(steers(rest) and not (path in self._base.paths and shadows(rest)) for rest in inner)

    def replaces(self, path: str) -> bool:
        """Whether a new file at `path` takes the place of a program or library that the command uses."""
        inner = [path.removeprefix(f"{start}/") for start in self._starts if path.startswith(f"{start}/")]
        return self._is_program(path) or plugs(path) or any(shadows(rest) or rest in STARTS for rest in (path, *inner))

    def includes(self, path: str) -> bool:
        """Whether a Makefile takes in a file at `path`: variables and recipes of it are the Makefile's."""
        return is_named(path, self._included)

    def _is_program(self, path: str) -> bool:
        """A new file with the name of a program of the command, in a folder that the command names."""
        folder, name = posixpath.split(path)
        return path not in self._base.paths and name in self.words | RUNNERS and folder in self.words

    def _lead(self, text: str) -> None:
        """Follow the names in a text, and those in the scripts that it leads to."""
        waiting = [text]
        while waiting:
            said = waiting.pop()[:_MOST_BYTES]
            words = {posixpath.normpath(word) for word in _WORD.findall(said)}
            self.words |= words
            words -= {posixpath.normpath(word) for word in self._heard(said)}
            starters = {name for word in words for name in _STARTERS.get(posixpath.basename(word), ())}
            new = {path for path in self._base.paths if self._leads(path, words, starters)} - self.named
            self.named |= new
            waiting += self._texts(new)

    def _start(self, text: str) -> None:
        """Follow what a text starts, through targets of Makefiles and scripts of packages."""
        found: set[str] = set()
        heard = set(self._heard(text[:_MOST_BYTES]))
        for step in steps(text[:_MOST_BYTES]):
            self._waiting += inner(step)
            targets = goals(step)
            if targets is not None:
                self._waiting += [recipes(body, targets) for body in self._makefiles()]
            for name in scripts(step):
                for body in self._base.files(self._there(("package.json",))).values():
                    if command := package_scripts(body).get(name):
                        self._waiting.append(command)
            if step.judges:
                files, modules = starts(step)
                resolved = {path for name in files if name not in heard for path in self._resolved(name)}
                if compares(step):
                    self.compared |= resolved
                else:
                    found |= resolved
                found |= {path for name in modules for path in self._modules(name)}
        new = found - self.started
        self.started |= new
        for path in new:
            for body in self._texts([path]):
                if _is_shell(path, body):
                    self._waiting.append(body)
                self.started |= {helper for helper in helpers(path, body) if helper in self._base.paths}

    def _heard(self, text: str) -> Iterator[str]:
        """The programs that a text starts for what they say, and that look at nobody: they are what is checked."""
        heard = set(listened(text))
        for step in steps(text):
            for name in starts(step)[0]:
                sourced = step.words[0].lstrip("@-+") in (".", "source")
                for path in self._resolved(name) if sourced or name in heard else ():
                    body = next(iter(self._texts([path])), "")
                    if name not in heard and heard.isdisjoint(_FUNCTION.findall(body)):
                        continue
                    if not self._looks_at_others(path, body):
                        yield name

    def judging(self, path: str) -> bool:
        """Whether a file that the command leads to looks at others, by its name or what it does, and is no product."""
        return any(self._looks_at_others(path, body) for body in self._texts([path]))

    def _looks_at_others(self, path: str, body: str) -> bool:
        if not _is_shell(path, body):
            return judges(path, body)
        if CHECKING.search(path) or TOOLS.search(path) or _LOOKS.search(body):
            return True
        others = (other for name in listened(body) for other in self._resolved(name))
        return bool(_ENDS_BADLY.search(body)) and any(other != path for other in others)

    def _makefiles(self) -> Iterator[str]:
        for place in self._there(MAKEFILES):
            whole, names = with_included(place, self._base.paths, lambda path: self._texts([path]))
            self._included |= names
            yield whole

    def _there(self, names: Iterable[str]) -> list[str]:
        """Files of these names at the top and in folders that the command names."""
        wanted = set(names)
        places = (posixpath.split(path) for path in self._base.paths)
        return [posixpath.join(*at) for at in places if at[1] in wanted and (not at[0] or at[0] in self.words)]

    def _resolved(self, name: str) -> Iterator[str]:
        """The files of the base that a word of a command may mean."""
        plain = posixpath.normpath(_VARIABLE.sub("", name)).lstrip("/")
        if plain in self._base.paths:
            yield plain
        elif "." in plain or "/" in plain:
            yield from (f"{folder}/{plain}" for folder in self.words if f"{folder}/{plain}" in self._base.paths)

    def _modules(self, name: str) -> Iterator[str]:
        path = name.replace(".", "/")
        for folder in ("", "src/", *(f"{word}/" for word in self.words)):
            for end in (".py", "/__main__.py"):
                if f"{folder}{path}{end}" in self._base.paths:
                    yield f"{folder}{path}{end}"

    def _texts(self, names: Iterable[str]) -> list[str]:
        small = [data for data in self._base.files(names).values() if len(data) <= _MOST_BYTES]
        return [data.decode("utf-8", "replace") for data in small]

    def _leads(self, path: str, words: set[str], starters: set[str]) -> bool:
        folder, name = posixpath.split(path)
        if name in starters and (not folder or folder in words):
            return True
        parts = path.split("/")
        if not any("/".join(parts[at:]) in words for at in range(len(parts))):
            return False
        if CHECKING.search(path) or suffix(path) not in _SHELL:
            return CHECKING.search(path) is not None
        return suffix(path) not in _SCRIPTS or self.judging(path)


def judges(path: str, body: str) -> bool:
    """Whether a program that a check starts looks at others, by its name or by what it does, and is no product."""
    return bool(CHECKING.search(path) or TOOLS.search(path) or _ASSERTS.search(body[:_MOST_BYTES]))


def _is_shell(path: str, body: str) -> bool:
    return suffix(path) in _SHELL or (body.startswith("#!") and "sh" in body.partition("\n")[0])


def helpers(path: str, body: str) -> Iterator[str]:
    """Files beside a script that it takes in, where its folder is one of tools."""
    folder, _ = posixpath.split(path)
    if not TOOLS.search(path) and not CHECKING.search(path):
        return
    for found in _TAKES.finditer(body[:_MOST_BYTES]):
        name = next(filter(None, found.groups()), "").removeprefix("./")
        base = posixpath.normpath(posixpath.join(folder, name.replace(".", "/") if "." not in name[1:] else name))
        yield from (base, f"{base}.py", f"{base}.js", f"{base}.mjs", f"{base}.cjs", f"{base}.sh", f"{base}/__init__.py")


def swapped(base: Base, rig: Rig, root: Path, changed: Iterable[str]) -> tuple[dict[str, bytes], list[str]]:
    """What to put back (path and content) and what to take away, for `root` to be judged as on the base."""
    existing = put_back(base, root, (path for path in changed if rig.decides(path)))
    return existing, [path for path in _files(root) if path not in base.paths and rig.decides(path)]


def put_back(base: Base, root: Path, wanted: Iterable[str]) -> dict[str, bytes]:
    """The base's files of these paths, as the work may have them; without those that it may have as they are."""
    files: dict[str, bytes] = {}
    for path, data in base.files(wanted).items():
        place = root / path
        inside = trees.stays_inside(root, place.parent)
        mine = _read(place) if inside and place.is_file() and not place.is_symlink() else b""
        judged = merged(path, data, mine)
        if judged != mine or not mine:
            files[path] = judged
    return files


def _read(place: Path) -> bytes:
    """What the work made of a file; nothing of one so large that no judge is: it is put back."""
    return place.read_bytes() if place.stat().st_size <= _MOST_JUDGED else b""


def restore(root: Path, to: Path, existing: Mapping[str, bytes], added: Iterable[str]) -> None:
    """A copy of the work, not to be written to, without `added` and with `existing` as it was on the base."""
    trees.copy(root, to, leave={".git"}, linked=True)
    for path in added:
        (to / path).unlink(missing_ok=True)
    for path, data in existing.items():
        target = to / path
        executable = target.is_file() and target.stat().st_mode & 0o111 != 0
        _make_room(to, path)
        paths.write(to, path, data, executable=executable)


def has_target(makefile: Path) -> bool:
    return (
        makefile.is_file() and not makefile.is_symlink() and bool(_TARGET.search(makefile.read_text(errors="replace")))
    )


def _make_room(root: Path, path: str) -> None:
    """Take away what the work put in the way of a base's file: a file or link for a folder, a folder for the file."""
    place = root
    *above, last = path.split("/")
    for part in above:
        place = place / part
        if place.is_symlink() or place.is_file():
            place.unlink()
    if (place / last).is_symlink() or (place / last).is_dir():
        trees.remove(place / last)


def _files(root: Path) -> Iterator[str]:
    for folder, names, files in trees.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        yield from (folder + name for name in sorted(files))
