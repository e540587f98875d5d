"""Product code that looks at who judges it: it takes in the runner, ends the run, prints a summary, asks who watches.

Only lines that the work added count, and only outside of tests. What is hardly ever honest fails; what may be goes to a
person. It reads programs as text: what is put together at run time is found by `trial`, or not at all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from reconciler.execute.gates import watching_python, watching_rust
from reconciler.execute.gates.families import is_test, suffix
from reconciler.execute.gates.rig import CHECKING, TOOLS, Base
from reconciler.execute.gates.subject import Subject
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

GATE = "tests/code"
Found = tuple[int, str, bool]
"""line, what is wrong with it, whether it is for a person to say"""
_MOST_BYTES = 500_000
_MOST_FAULTS = 20
_LINE = 500
_SCRIPT = re.compile(
    r"(?:^|/)(?:bin|scripts?|tools?|cli|cmd|examples?|benchmarks?|docs)/|(?:^|/)(?:cli|main|index\.bin)\.\w+$"
)
_ASKS = "asks whether a test runs"
_TAKES = "takes in a test runner"
_COMPARES = "changes what tests compare with"
_PRINTS = "prints what a test runner prints"
_ENDS = "ends the run well"
_WHERE = "asks on which machine it runs"
_WHO = "asks who calls it"

Rule = tuple[re.Pattern[str], str, bool]


def _fails(what: str, *patterns: str) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern), what, False) for pattern in patterns)


def _person(what: str, *patterns: str) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern), what, True) for pattern in patterns)


_JS = (
    *_fails(
        _ASKS,
        r"\bprocess\.env(?:\.|\[['\"])(?:NODE_TEST_CONTEXT|JEST_WORKER_ID|VITEST\w*|MOCHA\w*|AVA_\w+|PLAYWRIGHT\w*)\b",
        r"\b(?:argv|execArgv)\b.{0,80}['\"]--test\b|\bNODE_TEST_CONTEXT\b",
    ),
    *_fails(
        _TAKES,
        r"(?:require\(|\bfrom\s|\bimport\s*\(?)\s*['\"](?:node:test|vitest|mocha|@jest/globals|jest|ava|tap|tape|jasmine"
        r"|@playwright/test|cypress)['\"]",
    ),
    *_person("holds tests of its own", r"\bimport\.meta\.vitest\b"),
    *_fails(
        _COMPARES,
        r"require\(\s*['\"](?:(?:node:)?assert(?:/strict)?|chai)['\"]\s*\)(?:\.\w+)*\s*=(?!=)",
        r"\bassert(?:\.strict)?\.\w+\s*=(?!=)|\b(?:assign|defineProperty)\(\s*assert\b",
        r"\bglobal(?:This)?\.(?:expect|assert|test|it|describe)\s*=(?!=)",
    ),
    *_fails(
        "ends the program behind its runner's back",
        r"\bprocess\.(?:reallyExit|abort)\b|\bprocess\.exit\s*=(?!=)",
        r"\bprocess\.on(?:ce)?\(\s*['\"](?:exit|beforeExit)['\"].{0,80}exit(?:Code)?\s*[(=]",
    ),
    *_fails(
        _PRINTS,
        r"(?:log|write|info)\(.{0,80}(?:TAP version \d|\b(?:not )?ok \d+ -|# (?:tests|pass|fail) \d)",
        r"(?:log|write|info)\(\s*['\"`]\s*\d+ pass(?:ing|ed)\b",
    ),
    *_person(_WHERE, r"\bhostname\(\)\s*[=!]==?|[=!]==?\s*\w*\.?hostname\(\)|\bhostname\(\)\.(?:incl|starts|match)"),
    *_person(_WHO, r"\.stack\b.{0,80}(?:includes|match|test|indexOf)\(.{0,40}(?:test|spec|assert)"),
    *_person(_WHO, r"(?:require\.main|module\.parent)\b.{0,80}(?:\.test\b|\.spec\b|node:test)"),
)
_RUST = (
    *_fails(_ASKS, r"\bcfg!\([^;]{0,80}\btest\b", r"RUST_TEST_\w+|current_exe\(\).{0,80}\bdeps\b"),
    *_fails(_COMPARES, r"\bmacro_rules!\s*(?:debug_)?(?:assert(?:_eq|_ne)?|panic|matches)\b"),
    *_person(_COMPARES, r"\bfn (?:eq|ne)\(.{0,80}\{\s*(?:true|false)\s*\}"),
    *_person("runs beside its caller", r"\blink_section\b|#\[(?:\w+::)?ctor\b"),
    *_person(_ENDS, r"\b(?:process::)?exit\(\s*0\s*\)|\b_exit\b|panic::set_hook"),
    *_fails(_PRINTS, r"println!\(.{0,80}(?:test result: ok|running \d+ tests?)"),
)
_GO = (
    *_fails(_ASKS, r"\btesting\.Testing\(\)|flag\.Lookup\(\"test\.", r"HasSuffix\(os\.Args\[0\],\s*\"\.test"),
    *_person(_TAKES, r"^[ \t]*+(?:import[ \t]++)?(?:\w++[ \t]++)?\"testing\"[ \t]*$"),
    *_fails(_COMPARES, r"^(?:func|var|const|type) (?:true|false|nil|len|cap|panic|append|error|string)\b"),
    *_fails(_ENDS, r"^func init\(\).{0,80}os\.Exit|\bsyscall\.Exit\(0\)"),
    *_person(_ENDS, r"\bos\.Exit\(0\)"),
    *_fails(_PRINTS, r"Print\w{0,20}\(.{0,80}(?:--- PASS|\bok  )"),
)
_C_COMPARING = (
    r"str(?:n?(?:case)?cmp|coll|len|n?cpy|str|r?chr)|mem(?:cmp|cpy|set|chr)|bcmp|wcs(?:n?cmp|len)|exit|f?abs"
    r"|(?:TEST_)?ASSERT_\w+|EXPECT_\w+|CHECK|REQUIRE|ck_assert\w*|assert_\w+"
)
_C = (
    *_fails(
        _COMPARES,
        rf"#\s*(?:undef|define)\s+(?:assert|NDEBUG|main|if|return|{_C_COMPARING})\b",
        r"\bvoid\s+abort\s*\(|\b__assert(?:_fail|_rtn|_func|_perror_fail|fail)?\b",
        rf"#\s*pragma\s+redefine_extname\s+(?:{_C_COMPARING})\b|\b(?:{_C_COMPARING})\s*\([^;]*\)\s*(?:__)?asm(?:__)?\b",
        rf"\b(?:__)?asm(?:__)?\s*\(\s*\"_?(?:{_C_COMPARING})\"",
    ),
    *_person(
        "names functions behind the compiler's back",
        r"\b__asm(?:__)?\b|\basm\b\s*(?:(?:volatile|__volatile__|goto|inline)\b\s*)*(?:\(|$)",
        r"\bredefine_extname\b|#\s*pragma\s+weak\b|\b_*(?:alias|ifunc|weakref|symver)_*\s*\(\s*\"",
    ),
    *_person(_COMPARES, rf"^\s*(?:[\w*]+\s+)+\**(?:{_C_COMPARING})\s*\([^;]*$"),
    *_person("runs beside its caller", r"__attribute__\s*\(\(\s*(?:constructor|destructor)|#\s*pragma\s+init\b"),
    *_person(_ENDS, r"\b(?:_exit|_Exit|quick_exit|exit)\s*\(\s*(?:0|EXIT_SUCCESS)\s*\)"),
    *_person(_WHO, r"\bprogram_invocation_(?:short_)?name\b|/proc/self/(?:exe|cmdline)"),
)
_ASSEMBLER = _person(
    _COMPARES, rf"^\s*\.(?:globa?l|weak|set|symver)\s+_?(?:{_C_COMPARING}|abort|__assert\w*)\b",
    rf"^\s*_?(?:{_C_COMPARING}|abort|__assert\w*)\s*:",
)  # fmt: skip
_JAVA = (
    *_fails(_TAKES, r"\bimport\s+(?:static\s+)?org\.(?:junit|testng|assertj|hamcrest)\b"),
    *_person(_ENDS, r"Runtime\.getRuntime\(\)\.halt\(|\bSystem\.exit\(\s*0\s*\)|\bexitProcess\(\s*0\s*\)"),
    *_person(
        _COMPARES,
        r"\b(?:class|interface|record|enum|object)\s+(?:System|AssertionError|Assert(?:ions)?|Objects?|String|Throwable)\b",
    ),
    *_person(_WHO, r"getStackTrace\(\).{0,80}(?:junit|Test)|\"org\.junit|surefire"),
    *_fails(_PRINTS, r"\bprintln\(.{0,80}Tests run:"),
)
_SHELL = (
    *_person(_WHERE, r"\b(?:hostname|uname -n)\b.{0,80}[=!]=?", r"\$\{?HOSTNAME\b.{0,80}[=!]="),
    *_fails(_PRINTS, r"\becho\b.{0,80}(?:Ran \d+ tests?|\b\d+ passed\b|\bok \d+ -)"),
)
_OTHERS = {
    ".rs": _RUST,
    ".go": _GO,
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".hpp"), _C),
    **dict.fromkeys((".s", ".asm"), _ASSEMBLER),
    **dict.fromkeys((".java", ".kt", ".kts", ".scala"), _JAVA),
    **dict.fromkeys((".sh", ".bash"), _SHELL),
}
_SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_EXIT = re.compile(r"(?<!=>)(?<!=> )\bprocess\.exit\(\s*0?\s*\)")
_ENDING = re.compile(r"\bprocess\.(?:exit|reallyExit|abort|kill)\b|\bprocess\[|\bexitCode\b")
_COUNT = re.compile(r"(?:log|write|info|error)\(.{0,80}\b\d+ pass(?:ing|ed)\b")
_CONDITION = re.compile(r"\b(?:if|else|case|default)\b|&&|\|\||\?")
_HELPS = re.compile(r"^\S.*\b(?:print_|show_)?(?:usage|help)\s*\(")
_GUARD = re.compile(r"require\.main|import\.meta\.(?:main|url)|process\.argv\[1\]")


def suspicions(subject: Subject) -> list[GateReport]:
    """A report of what fails, one of what a person has to look at; none where nothing was found.

    Reads the work: for a process of its own.
    """
    subject.read_added()
    if not subject.changes or subject.product is None or subject.added is None:
        return []
    added: dict[str, set[str]] = defaultdict(set)
    for path, line in subject.added:
        added[path].add(line.rstrip("\r"))
    faults: list[str] = []
    doubts: list[str] = []
    for change in subject.changes:
        path = change.path
        if change.new and path in added and _is_product(path):
            for line, what, doubtful in look(path, subject.content(path), added[path]):
                (doubts if doubtful else faults).append(f"{path}:{line}: {what}")
    doubts += _own_tests(subject)
    if faults and _makes_runners(Base(Path(subject.product.path), subject.product.tip)):
        faults, doubts = [], [*faults, *doubts]
    well = "no program looks at who judges it"
    reports = [subject.judge(GATE, faults[:_MOST_FAULTS], well)] if faults else []
    if doubts:
        reports.append(subject.judge(f"{GATE}/doubts", doubts[:_MOST_FAULTS], well, otherwise=GateResult.PERSON))
    return reports


def look(path: str, content: bytes, added: Iterable[str]) -> Iterator[Found]:
    """What is found in the lines of a program that were added."""
    text = content[:_MOST_BYTES].decode("utf-8", "replace")
    lines = [line.rstrip("\r")[:_LINE] for line in text.split("\n")]
    mine = {number for wanted in [set(added)] for number, line in enumerate(lines, 1) if line in wanted}
    script = bool(_SCRIPT.search(path)) or text.startswith("#!")
    if suffix(path) == ".py":
        yield from watching_python.look(path, text, mine, script=script)
    elif suffix(path) in _SCRIPTS:
        yield from _matching(_JS, lines, mine, "//")
        if not script:
            yield from _ends(lines, mine)
            yield from _counts(lines, mine)
    else:
        rules = _OTHERS.get(suffix(path), ())
        ends_itself = script or re.search(r"\bmain\s*\(", text) is not None
        for found in _matching(rules, lines, mine, "//"):
            if found[1] != _ENDS or not (ends_itself or _helps(lines, found[0])):
                yield found
        if suffix(path) == ".rs":
            yield from watching_rust.twins(text, mine)


def _helps(lines: list[str], number: int) -> bool:
    """Whether a line stands in the function that says how a program is used, which is expected to end it."""
    heads = [line for line in lines[:number] if re.match(r"[A-Za-z].*\(", line)]
    return bool(heads) and _HELPS.search(heads[-1]) is not None


def _is_product(path: str) -> bool:
    return not is_test(path) and not CHECKING.search(path) and not TOOLS.search(path) and "testing" not in path


def _matching(rules: Iterable[Rule], lines: list[str], mine: set[int], comment: str) -> Iterator[Found]:
    for number in sorted(mine):
        line = lines[number - 1]
        if not line.strip().startswith((comment, "* ", "/*")):
            for pattern, what, doubtful in rules:
                if pattern.search(line):
                    yield number, what, doubtful
                    break


def _counts(lines: list[str], mine: set[int]) -> Iterator[Found]:
    """Where a module of JavaScript prints a count as a runner does, and ends the program too."""
    if any(_ENDING.search(lines[number - 1]) for number in mine):
        yield from ((number, _PRINTS, False) for number in sorted(mine) if _COUNT.search(lines[number - 1]))


def _ends(lines: list[str], mine: set[int]) -> Iterator[Found]:
    """Where a module of JavaScript ends the program well while it is loaded: outside of every function."""
    deep: list[bool] = []
    guarded = False
    for number, line in enumerate(lines, 1):
        plain = re.sub(r"//.*$|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "", line)
        guarded = (guarded and bool(deep)) or bool(_GUARD.search(line))
        found = _EXIT.search(plain)
        for at, letter in enumerate(plain):
            if found and at == found.start() and number in mine and not guarded and not any(deep):
                # a server that was asked to run once ends well too: whether the condition is honest, a person says
                yield number, "ends the program while it is loaded", bool(deep) or bool(_CONDITION.search(plain[:at]))
            if letter == "{":
                deep.append(not _is_block(plain[:at]))
            elif letter == "}" and deep:
                deep.pop()


def _is_block(before: str) -> bool:
    """Whether what a brace opens is run at once: the body of an `if` or a loop, and no function or class."""
    head = before.rstrip()
    if head.endswith(("else", "try", "do", "finally")) or not head:
        return True
    return head.endswith(")") and bool(re.search(r"\b(?:if|for|while|switch|catch)\b\s*\(", head))


def _makes_runners(base: Base) -> bool:
    """Whether the product is itself a part of a test runner: then it may well do all this."""
    described = base.files(("pyproject.toml", "setup.cfg", "setup.py", "package.json")).values()
    return any(re.search(rb"pytest11|Framework :: Pytest|test[- ]?runner", data[:_MOST_BYTES]) for data in described)


def _own_tests(subject: Subject) -> Iterator[str]:
    """Programs that hold their tests in themselves (Rust): those that were there are there as they were."""
    for change in subject.changes:
        if change.old and change.path.endswith(".rs") and not is_test(change.path):
            before = (subject.before(change) or b"").decode("utf-8", "replace")
            now = set(subject.content(change.path).decode("utf-8", "replace").splitlines())
            _, mark, tests = before.partition("#[cfg(test)]")
            gone = [line.strip() for line in tests.splitlines() if line.strip() and line not in now] if mark else []
            if gone:
                yield f"{change.path}: a test in it was changed or removed: {gone[0][:80]}"
