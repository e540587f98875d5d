"""Why a run failed, in one line: the first failure that a runner names, else the first words of an error. Pure text.

The last line of a log mostly says that something failed (`make: *** [test] Error 1`), and seldom what.
"""

from __future__ import annotations

import re

from reconciler.execute import text

_LONGEST = 1_000
_MOST = 200
_NAMES = re.compile(
    r"^(?:FAILED|ERROR)\ (?P<pytest>\S+\.py(?:::|\b).*)$ | ^(?:FAIL|ERROR):\ (?P<unittest>.+)$"
    r" | ^\s*---\ FAIL:\ (?P<go>.+)$ | ^test\ (?P<cargo>.+)\ \.\.\.\ FAILED$"
    r" | ^\s*not\ ok\ \d+\ *-?\ *(?P<tap>(?!.*\#\ *(?:SKIP|TODO)).+)$ | ^\s*(?:●|×|✗|✕|✖|FAIL\ )\ *(?P<jest>.+)$"
    r" | ^(?P<gradle>.+\ >\ .+)\ FAILED$ | ^\s+1\)\ (?P<mocha>.+)$ | ^\[ERROR\]\s+(?P<maven>\w\S*\.\w+:\d+.*)$",
    re.VERBOSE,
)
"""what runners call a test that failed"""
_WHY = re.compile(
    r"^E\ {3,}(?P<pytest>\S.*)$ | ^\s*(?P<raised>(?:[\w.]+\.)?\w*(?:Error|Exception|Failure|Panic)\b(?:\ \[\w+\])?:.*)$"
    r" | (?P<panic>panicked\ at\ .*)$ | ^\s*(?P<compiler>(?:\S+:\d+(?::\d+)?:\ )?(?:fatal\ )?error(?:\[\w+\])?:\ .+)$",
    re.VERBOSE,
)
"""what was wrong with it"""
_ERROR = re.compile(
    r"(?i)\b(?:error|exception|cannot|can't|could not|not found|no such|undefined|unresolved|denied|refused|fatal)\b"
)
_NOISE = re.compile(
    r"^\s*$ | ^make(?:\[\d+\])?:\ (?:\*\*\*|Entering|Leaving)\  | ^npm\ (?:ERR!|error|notice|warn)\b | ^Node\.js\ v"
    r" | ^\s*at\  | ^Traceback\b | ^\s*[-=_*^~]+\s*$"
    r" | ^(?:FAILED|ERROR|FAIL|failures):?$ | ^error:\ (?:test\ failed|could\ not\ compile)\b | ^exit\ status\ \d",
    re.VERBOSE,
)


def cause(said: str) -> str:
    """The line that a person would look for, on one line, without secrets; empty where nothing was said."""
    said = text.clean(said)  # before lines are parted and cut: half a secret has no shape any more
    name = why = error = last = ""
    for line in (line[:_LONGEST].rstrip() for line in said.split("\n")):
        if _NOISE.search(line):
            continue
        last = line
        named, wrong = _NAMES.search(line), _WHY.search(line)
        if not name and named:
            name = named[named.lastgroup or 0]
        elif not why and wrong:
            why = wrong[wrong.lastgroup or 0]
        elif not error and _ERROR.search(line):
            error = line
    found = name if why and why in name else ": ".join(filter(None, (name, why)))
    return text.line(found or error or last or said.strip().rpartition("\n")[2], _MOST)
