"""What runners say of a run: how many tests ran, and whether some failed. Pure text; skipped tests did not run."""

from __future__ import annotations

import re

_LONGEST = 1_000
_SUMMARIES = re.compile(r"^\s*(?:Test Suites|Test Files|Snapshots|Suites)\b")
_RAN = re.compile(r"^Ran (\d+) tests? in ")
_SKIPPED = re.compile(r"^(?:OK|FAILED) \(.*\bskipped=(\d+)")
_EACH = re.compile(r"\b(\d+) (?:passed|failed|passing|failing|xfailed|xpassed)\b(?!\s+(?:suites|files))")
_TAP = re.compile(r"^[#ℹ] (tests|skipped|todo|cancelled) (\d+)")
_POINT = re.compile(r"^(?:not )?ok \d+\b(?!.*# ?(?:SKIP|TODO))", re.IGNORECASE)
_WHOLE = re.compile(
    r"^OK \((\d+) tests?\b|\b(\d+) (?:examples?|runs|specs?),|^Executed (\d+) tests?|\btests failed out of (\d+)"
    r"|^(?:\d+ doctests?, )?(\d+) tests?, \d+ failures?|^Tests: (\d+), Assertions|^All (\d+) tests passed"
)
_MAVEN = re.compile(r"\bTests run: (\d+), Failures: \d+, Errors: \d+, Skipped: (\d+)")
_DOTNET = re.compile(r"\b(?:Passed|Failed):\s+(\d+)")
_GO_TEST = re.compile(r"^\s*--- (PASS|FAIL): ")
_GO_PACKAGE = re.compile(r"^(?:ok|FAIL) {0,4}\t\S+")
_FAILED = re.compile(
    r"^FAILED\ \( | (?<!\w)[1-9]\d*\ (?:failed|failing)\b | ^(?:\#|ℹ)\ fail\ [1-9] | ^not\ ok\ \d | ^---\ FAIL:"
    r" | ^FAIL\t | \bTests\ run:.*\b(?:Failures|Errors):\ [1-9] | \b[1-9]\d*\ failures?\b",
    re.MULTILINE | re.VERBOSE,
)


def ran(said: str) -> int:
    """How many tests the runners say they ran, passed or not."""
    counts = dict.fromkeys(("each", "tap", "point", "go", "package"), 0)
    verbose = False
    for line in (line[:_LONGEST] for line in said.split("\n")):
        if _SUMMARIES.match(line):
            continue
        if found := _RAN.match(line):
            counts["each"] += int(found[1])
        elif found := _SKIPPED.match(line):
            counts["each"] -= int(found[1])
        elif found := _TAP.match(line):
            counts["tap"] += int(found[2]) if found[1] == "tests" else -int(found[2])
        elif _POINT.match(line):
            counts["point"] += 1
        elif found := _GO_TEST.match(line):
            counts["go"] += 1
            verbose = verbose or found[1] == "PASS"
        elif _GO_PACKAGE.match(line):
            counts["package"] += 1
        elif found := _MAVEN.search(line):
            counts["each"] += int(found[1]) - int(found[2])
        elif found := _WHOLE.search(line):
            counts["each"] += int(next(filter(None, found.groups()), "0"))
        else:
            counts["each"] += sum(map(int, _EACH.findall(line))) + sum(map(int, _DOTNET.findall(line)))
    points = counts["tap"] or counts["point"]
    return counts["each"] + points + (counts["go"] if verbose else counts["package"])


def failure(said: str) -> str | None:
    """The words by which a runner says that a test failed."""
    found = _FAILED.search(said)
    return found[0] if found else None
