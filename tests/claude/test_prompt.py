"""What the program is told: nothing in it makes the program read a file or run a command by itself."""

from __future__ import annotations

import re

import pytest

from reconciler.execute import text
from reconciler.execute.backends.claude_prompt import BEGINNING, BROKEN, prompt, unmentioned

MENTION = re.compile(r"""(^|[\s、。，．！？；：（「『【《〈）」』】》〉])@["\S]""")
"""more than the program takes for a mention of a file (2.1.197, 2.1.332: tried out)"""


@pytest.mark.parametrize(
    "before", ["", " ", "\n", "\t", "\u00a0", "\u2028", "\ufeff", "、", "(", '"', "@", "`", "\u200b"]
)
@pytest.mark.parametrize("name", ["/etc/passwd", "~/.claude/.credentials.json", "dir", '"a b"', "server:file"])
def test_no_text_mentions_a_file(before: str, name: str) -> None:
    safe = unmentioned(f"Ask{before}@{name} for help" if before else f"@{name} for help")
    assert not MENTION.search(safe)
    assert not MENTION.search(text.visible(safe))
    assert name in safe


@pytest.mark.parametrize("plain", ["Write to ada@example.com.", "a_b+c@x.org", "npm i left-pad@1.3.0", "pkg@^2"])
def test_words_with_an_at_sign_stay_as_they_are(plain: str) -> None:
    assert unmentioned(plain) == plain
    assert prompt([plain]) == f"{BEGINNING}\n\n{plain}"


def test_a_decorator_can_still_be_read_and_the_model_is_told_how_to_write_it() -> None:
    told = prompt(["@app.route('/')\n@cache\ndef home(): ...\n", ""])
    assert "\\@app.route('/')\n\\@cache\ndef home" in told
    assert told.endswith(BROKEN)


def test_what_is_broken_stays_as_it_is_when_it_is_broken_again() -> None:
    once = unmentioned("@a (@b) @@c")
    assert unmentioned(once) == once


@pytest.mark.parametrize("first", ["/cost", "/compact now", "!cat x", "# note", "\n/cost"])
def test_nothing_that_comes_first_is_a_command(first: str) -> None:
    assert prompt([first]).startswith(f"{BEGINNING}\n\n")
