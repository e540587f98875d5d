"""What a product's tests and checks lean on, and is no product: helpers that only they take in, data only they read.

Such files are a part of the judge: work is judged with the branch's. Which they are is read from the branch alone, so
no work can change it. In a small library the product, too, is taken in by tests alone: it is told from a helper by
what is handed to it, by what it does, and by what else there is to test.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from reconciler.execute.gates.discovery import INIT, unasked
from reconciler.execute.gates.families import SOURCE, is_test, suffix
from reconciler.execute.gates.rig import Base, Rig
from reconciler.execute.gates.shell import listened
from reconciler.execute.gates.steering import HEADERS, steers
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.taking import Taking, command, family, key, taking

_HELPS = re.compile(
    r"(?i)(?:^|[/_.-])(?:check(?:er)?s?|verif(?:y|ier)|assert(?:ion)?s?|expect(?:s|ed|ations?)?|compar(?:e|er|ison)s?"
    r"|match(?:es|ers?)|helpers?|support|oracles?|golden|judges?|same|equals?|specs?|cases)(?:[/_.-]|$)"
)
_TESTS = re.compile(
    r"(?i)(?:^|[/_.-])(?:test-?(?:utils?|ing|kit|lib|helpers?|support|suite|base|case)|fixtures?|mocks?|stubs?|fakes?)"
    r"(?:[/_.-]|$)"
)
"""names of what nobody but a test uses"""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_RAISES = re.compile(
    r"\b(?:raise|throw new) AssertionError\b|\bassert\.\w+\(|\bAssertionError\(|\b(?:unittest|pytest|chai)\b"
    r"|org\.(?:junit|hamcrest|assertj)\b"
    r"|['\"](?:node:)?(?:assert|test)(?:/strict)?['\"]|\"testing\"|\bexpect\([^()\n]{1,200}\)\.to|\bstd::panic!|\bmunit|\bt\.(?:Fatal|Error)f?\("
)
"""what hardly any product does"""
_LOOKS = re.compile(
    r"\bassert\w*\b|\bpanic!|\b(?:throw|raise)\b|\bexit\b|\babort\(|==|!=|\bequals\b|\bDeepEqual\b|\bcmp\w*\(|\bmemcmp\(|\bstrn?cmp\("
)
_ASSERTS = re.compile(r"\bassert\w*!?\s?\(|^\s{0,80}assert\b|\bthrow\b|\braise\b|\bexit\s?\(|\babort\(|\bpanic!", re.M)
_DATA = re.compile(
    r"(?i)(?:^|/)(?:testdata|__snapshots__|snapshots|golden|expected|approvals)/|\.(?:snap|golden|expected)$|\.approved\.\w+$"
)
"""where tests keep what they compare with, by custom"""
_SHOWN = frozenset((".html", ".htm", ".css", ".scss", ".less", ".svg", ".md", ".rst", ".adoc"))
_OWN = re.compile(r"(?i)(?:^test_|_test$|\.test$|\.spec$|_spec$|^test-|-test$|tests?$)")
_WANTED = re.compile(r"(?i)want|expect|golden|approved|snapshot|reference|baseline|correct|\.ref$")
_PROGRAM = re.compile(r"[/.$]")
COMMAND = "$"
"""stands for the command among those that judge"""

_MOST_BYTES = 20_000_000
"""of the branch's programs that are looked through, its tests first"""
_MOST_STEPS = 10
"""from a test to its helper's helper's helper"""
_DEEPEST = 30
_SKIPPED = frozenset(("node_modules", "vendor", "dist", "build", "target", ".venv", "venv", "third_party"))


class Support(msgspec.Struct, frozen=True):
    """`helpers` and `data` are files of the branch, of data those that were asked about."""

    helpers: frozenset[str]
    data: frozenset[str]
    modules: frozenset[str]
    """what those that judge take in, and is no product's: as `Taking.modules`"""

    def shadows(self, path: str) -> bool:
        """Whether a new file at `path` is taken in where a test or helper of the branch would be."""
        mine = key(path)
        if suffix(path) not in SOURCE or family(path) in ("", ".go"):
            return False
        return f"/{mine}" in self.modules or mine in self.modules


def support(
    files: Iterable[str], texts: Mapping[str, str], judging: Iterable[str], said: str, compared: Iterable[str] = ()
) -> Support:
    """`files`: those of the branch that are asked about; `texts`: its programs.

    `judging`: programs that judge beside its tests; `said`: the command and what it leads to; `compared`: files that
    it compares with.
    """
    house = _House(files, texts, {path for path in texts if is_test(path)} | {*judging} & texts.keys(), said)
    house.settle()
    return Support(
        helpers=frozenset(house.helpers),
        data=frozenset(house.data({*compared})),
        modules=frozenset(f"/{key(path)}" for path in house.judges) | frozenset(house.taken_helpers()),
    )


class _House:
    """The branch's programs, who takes in whom, and who of them judges."""

    def __init__(self, files: Iterable[str], texts: Mapping[str, str], judges: set[str], said: str) -> None:
        self._files = [*files]
        self._texts = texts
        self.judges = judges
        self.helpers: set[str] = set()
        self._takes: dict[str, Taking] = {
            path: taking(path, text, closely=path in judges) for path, text in texts.items()
        }
        self._takes[COMMAND] = command(said)
        self._listens = any(_PROGRAM.search(name) for name in listened(said))
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_last: dict[tuple[str, str], list[str]] = defaultdict(list)
        for path in texts:
            self._by_name[posixpath.basename(path)].append(path)
            self._by_last[family(path), posixpath.basename(key(path))].append(path)
        self._targets = {path: frozenset(self._reached(path)) - {path} for path in self._takes}
        self._takers: dict[str, set[str]] = defaultdict(set)
        for path, targets in self._targets.items():
            for target in targets:
                if path == COMMAND or key(path) != key(target):
                    self._takers[target].add(path)

    def settle(self) -> None:
        """Find the helpers, and the helpers' helpers."""
        for _ in range(_MOST_STEPS):
            found = {path for path in self._takers if path not in self.judges and self._helps(path)}
            if not found:
                break
            self.helpers |= found
            self.judges |= found
            self._takes |= {path: taking(path, self._texts[path], closely=True) for path in found}

    def taken_helpers(self) -> Iterator[str]:
        """The words by which those that judge take in what judges."""
        for path in self.judges:
            for module in self._takes[path].modules:
                if any(_means(module, key(helper)) for helper in self._found(path, module) if helper in self.judges):
                    yield module

    def data(self, compared: set[str]) -> Iterator[str]:
        """Files that only those that judge name, and that are not themselves what is judged."""
        judging = [COMMAND, *self.judges]
        product = _Names(word for path in self._texts if path not in self.judges for word in self._takes[path].literals)
        named = {path: _Names(self._takes[path].literals) for path in judging}
        for path in self._files:
            end = suffix(path)
            if end in SOURCE or is_test(path) or steers(path) or not (end or path in compared) or product.may(path):
                continue
            namers = [judge for judge in judging if named[judge].of(path)]
            if end in _SHOWN and not any("doctest" in self._texts.get(judge, "") for judge in namers):
                namers = []  # what people look at is rather what is tested than what it is compared with
            known = _DATA.search(path) or (path in compared and (_WANTED.search(path) or self._listens))
            if known or any(self._tests_something(judge) for judge in namers):
                yield path

    def _tests_something(self, judge: str) -> bool:
        """Whether it takes in a product's program: if not, what it reads is what it tests."""
        return any(target not in self.judges for target in self._targets[judge]) or any(
            target in self.helpers and self._tests_something_else(target) for target in self._targets[judge]
        )

    def _tests_something_else(self, helper: str) -> bool:
        return any(target not in self.judges for target in self._targets[helper])

    def _helps(self, path: str) -> bool:
        takers = self._takers[path]
        if not takers or not takers <= self.judges | {COMMAND} or takers == {COMMAND}:
            return False
        body, mine = self._texts[path], key(path)
        calm = _CAMEL.sub("_", path)
        named = _TESTS.search(calm) or _RAISES.search(body) or (_HELPS.search(calm) and _LOOKS.search(body))
        trusted = any(_means(module, mine) for taker in takers for module in self._takes[taker].trusts)
        dropped = any(_means(module, mine) for taker in takers for module in self._takes[taker].drops)
        judges = trusted or (dropped and (_ASSERTS.search(body) or _RAISES.search(body)))
        if self._has_own_test(path, takers):
            return bool(named and judges)
        if takers <= self.helpers and _LOOKS.search(body):
            return any(self._others(path, self._takers[helper]) for helper in takers)
        return bool(judges or (named and self._others(path, takers)))

    def _has_own_test(self, path: str, takers: Iterable[str]) -> bool:
        """Whether a test is named for it: then it is what that test tests."""
        stem = _stem(key(path))
        return any(_stem(_OWN.sub("", _stem(taker))) == stem for taker in takers if taker != COMMAND)

    def _others(self, path: str, takers: Iterable[str]) -> bool:
        """Whether there is something else to test: then this need not be it."""
        reached = {target for taker in takers for target in self._targets[taker]} | self._targets[path]
        if not family(path):  # words name a file, never the whole that it is a part of
            reached |= {other for other in self._texts if suffix(other) == suffix(path)}
        return any(target not in self.judges and key(target) != key(path) for target in reached - {path})

    def _reached(self, path: str) -> Iterator[str]:
        takes = self._takes[path]
        for module in takes.modules:
            yield from self._found(path, module)
        if path == COMMAND or family(path) == "":
            for word in takes.words:
                yield from self._by_last.get(("", word), ())
        for word in takes.literals:
            name = posixpath.basename(word)
            yield from (other for other in self._by_name.get(name, ()) if _ends_with(other, _plain(word)))

    def _found(self, path: str, module: str) -> Iterator[str]:
        last = posixpath.basename(module)
        families = (".py", ".js", "") if path == COMMAND else (family(path),)
        for known in families:
            for other in self._by_last.get((known, last), ()):
                if _means(module, key(other)) or (known == ".go" and f"/{module}".endswith(f"/{key(other)}")):
                    yield other


class _Names:
    """Which files strings name: by their path, its end, a pattern or a folder."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._words = {plain for word in literals for plain in (_plain(word),) if plain not in ("", ".", "..")}
        self._globs = [word for word in self._words if "*" in word]

    def of(self, path: str) -> bool:
        parts = path.split("/")[-_DEEPEST:]
        ends = {"/".join(parts[at:]) for at in range(len(parts))} | {path}
        folders = {"/".join(parts[at:to]) for to in range(1, len(parts)) for at in range(to)}
        if not self._words.isdisjoint(ends | folders):
            return True
        return any(fnmatch.fnmatchcase(end, glob) for glob in self._globs for end in ends)

    def may(self, path: str) -> bool:
        """The same for what need not be sure: the name without its suffix will do."""
        return posixpath.splitext(posixpath.basename(path))[0] in self._words or self.of(path)


def _plain(word: str) -> str:
    return re.sub(r"^(?:\.{0,2}/)+", "", word).rstrip("/")


def _ends_with(path: str, word: str) -> bool:
    return path == word or path.endswith(f"/{word}")


def _means(module: str, mine: str) -> bool:
    """Whether `module` (as in Taking) is what has the key `mine`."""
    return module[1:] == mine if module.startswith("/") else mine == module or mine.endswith(f"/{module}")


def _stem(path: str) -> str:
    return posixpath.basename(path).partition(".")[0] if "." in posixpath.basename(path) else posixpath.basename(path)


class Spared:
    """What the task itself is about: paths that it may write by name, and files that a criterion's words speak of."""

    def __init__(self, subject: Subject) -> None:
        self._allowed = {*(subject.paths.allow or ())}
        self._said = {word.strip("`'\".,:;()") for each in subject.acceptance for word in each.text.split()}

    def __contains__(self, path: object) -> bool:
        parts = str(path).split("/")
        return path in self._allowed or not self._said.isdisjoint("/".join(parts[at:]) for at in range(len(parts)))


def leaned(subject: Subject, base: Base, rig: Rig) -> tuple[list[str], list[str]]:
    """Files of the branch that the work changed and that judge it, and new files that would be taken for such."""
    spared = Spared(subject)
    changed = [change.path for change in subject.changes if not is_test(change.path) and change.path not in spared]
    there = [path for path in changed if path in base.paths and not steers(path)]
    new = [path for path in changed if path not in base.paths and suffix(path) in SOURCE]
    if not there and not new:
        return [], []
    found = _of(base, rig, there)
    judging = found.helpers | found.data
    headers = [path for path in new if posixpath.basename(path) in HEADERS]
    walked = _walked(subject, base, changed)
    return [path for path in there if path in judging or path in walked], [
        path for path in new if path in headers or path in walked or found.shadows(path)
    ]


def _walked(subject: Subject, base: Base, changed: list[str]) -> list[str]:
    """Packages of the work that nothing but the discovery of tests imports."""
    inits = [path for path in changed if posixpath.basename(path) == INIT and subject.content(path)]
    if not inits:
        return []
    programs = [path for path in base.paths if path.endswith(".py")]
    tests = base.small(filter(is_test, programs), _MOST_BYTES)
    now = {*programs, *(path for path in changed if path.endswith(".py"))}
    return unasked(inits, tests, set(programs), now, lambda path: subject.content(path).decode("utf-8", "replace"))


def _of(base: Base, rig: Rig, changed: list[str]) -> Support:
    def program(path: str) -> bool:
        known = suffix(path) in SOURCE or (not suffix(path) and posixpath.basename(path) in names)
        return known and _SKIPPED.isdisjoint(path.split("/"))

    names = {posixpath.basename(word) for word in rig.words}
    programs = sorted(filter(program, base.paths), key=lambda path: (not is_test(path), path))
    texts = base.small(programs, _MOST_BYTES)
    judging = (path for path in rig.named | rig.started if rig.judging(path))
    return support(changed, texts, judging, "\n".join(rig.texts), rig.compared)
