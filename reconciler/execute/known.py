"""Which values of an environment are secrets: by the name of the variable, or since an address has a password in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

_NAMES = re.compile(
    r"(?:KEYS?|KEY_ID|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|(?<=_)PWD|PASSPHRASE|PASS|_PAT|CREDENTIALS?)$", re.IGNORECASE
)
_COUNTED = re.compile(r"TOKENS$", re.IGNORECASE)
_SHORTEST = 8
_LINE = 20
"""characters: shorter lines of a long value are no secret alone"""
_WORD = 12
"""characters: a shorter word of small letters, as a password in an address, is found in honest text"""
_EVERYBODYS = re.compile(
    r"(?i)\A(?:(?:my|the|your|db|root|user|admin|app|dev|test)?[-_]?"
    r"(?:passw(?:or)?d|postgres(?:ql)?|mysql|mariadb|mongodb|rabbitmq|redis|secret|example|"
    r"development|production|testing|staging|localhost|disabled|enabled|required|optional|undefined|default)"
    r"(?:[-_]?(?:here|key|token|\d{1,4}))?|(?:change[-_]?me|your[-_]|placeholder|dummy)[\w-]*|\$?\{.*\}|<.*>|\*+|x+)\Z"
)
"""what stands in a thousand examples where a secret must stand, and is no secret of anybody"""

_ADDRESS = re.compile(r"://[^\s:/@]{0,64}:(?!\d{1,5}/)([^\s?#]{1,300})")
_GO = re.compile(r"^[^\s:/@]{1,64}:([^\s]{1,300})@(?:tcp|unix)?\(")
_READINGS = 4
"""of an address with several @: a password may have some, and what follows it as well"""
_ASSIGNED = re.compile(
    r"(?i)(?:password|passwd|(?<![a-z])pwd|accountkey|sharedaccesskey|secret|token)\s{0,4}=\s{0,4}"
    r"(?:'([^']{1,300})'|\"([^\"]{1,300})\"|([^\s;&'\"]{1,300}))"
)
_SEGMENT = re.compile(r"\.?+(?:[A-Za-z]+\d{0,5}|\d{1,4})(?:[-_. @+](?:[A-Za-z]+\d{0,5}|\d{1,4}))*+|")


def known(environment: Mapping[str, str]) -> set[str]:
    """The secrets of an environment, and the long lines of those that have several."""
    found = {value for name, said in environment.items() for value in _values(name, said)}
    found |= {line.strip() for value in found if "\n" in value for line in value.splitlines() if len(line) >= _LINE}
    return {value for value in found if len(value.strip()) >= _SHORTEST and not _EVERYBODYS.match(value)}


def _values(name: str, said: str) -> Iterator[str]:
    counted = _COUNTED.search(name) and said.isdecimal()
    if _NAMES.search(name) and len(said) >= _SHORTEST and not counted and not _is_path(said):
        yield said
    for inner in _within(said):
        for value in (inner, unquote(inner)):
            if not (value.isalpha() and value.islower() and len(value) < _WORD) and not _is_path(value):
                yield value


def _within(said: str) -> Iterator[str]:
    """Passwords in addresses (`postgres://me:it@host/db`) and descriptions of a source (`host=a password=it`)."""
    for word in said.replace(",", " ").split() if "@" in said else ():
        if found := _GO.search(word):
            yield found[1]
        elif found := _ADDRESS.search(word):
            ends = [at for at, character in enumerate(found[1]) if character == "@"]
            yield from (found[1][:end] for end in ends[:_READINGS])
    if "=" in said:
        yield from (next(filter(None, found.groups())) for found in _ASSIGNED.finditer(said))


def _is_path(value: str) -> bool:
    """Whether it is the path of something, or at least looks so: several names of words and short numbers."""
    if not value.startswith(("/", "~/", "./", "../")) or "\n" in value:
        return False
    try:
        if Path(value).expanduser().exists():
            return True
    except (OSError, RuntimeError, ValueError):
        pass
    names = value.lstrip("~.").strip("/").split("/")
    return (len(names) > 1 or "." in names[0]) and all(_SEGMENT.fullmatch(name) for name in names)
