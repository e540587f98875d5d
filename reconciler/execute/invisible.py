"""Characters that do not show, or that change how others are shown: what text of strangers could hide words in."""

from __future__ import annotations

import re

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), which holds the bidirectional controls too
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# controls but tab and newline, line and paragraph separators, blanks that are no spaces, annotations, unpaired halves
_OTHER = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u2800\ufff9-\ufffc\ud800-\udfff"
_HIDDEN = re.compile(f"[{_IGNORABLE}{_OTHER}]")
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)?)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_PLAIN_NAME = re.compile(r"[^\s\"\\`<>|](?:[^\t-\r\"\\`<>|]*[^\s\"\\`<>|])?")


def visible(text: str) -> str:
    """Without colours of a terminal and without characters that do not show; lines end in a newline alone."""
    return _HIDDEN.sub("", _COLOURS.sub("", text.replace("\r\n", "\n")))


def counted(text: str) -> tuple[str, int]:
    """`visible`, and how many characters did not show. Colours and the ends of lines are not among them."""
    plain = _COLOURS.sub("", text.replace("\r\n", "\n"))
    shown = _HIDDEN.sub("", plain)
    return shown, len(plain) - len(shown)


def flat(text: str) -> str:
    """One line. A control character parts words, as the end of a line does."""
    return " ".join(visible(_CONTROL.sub(" ", _COLOURS.sub("", text))).split())


def quoted(name: str) -> str:
    """The name of a file as one word of one line: as it is where that is plain, else in quotes with escapes.

    Escapes are those of git (`\\n`, octal bytes), so that a name can be told from a sentence or a heading.
    """
    if _PLAIN_NAME.fullmatch(name) and visible(name) == name:
        return name
    return '"' + "".join(map(_escaped, name)) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character in "`<>|" or visible(character) != character or (character.isspace() and character != " "):
        return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
    return character


_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
