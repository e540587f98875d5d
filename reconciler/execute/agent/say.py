"""What the loop says to a model when something went wrong. Words only; when they are said the loop decides."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.execute import text

NOTHING = "(nothing)"
"""in place of an answer without a word: templates refuse an empty one"""
EMPTY = "Your answer was empty. Call a tool to go on with the work, or call finish if it is done."
TAKEN_BACK = (
    "Your last turn could not be sent to the server and was taken out of this conversation. What its calls did still "
    "stands: look at the files before you go on."
)


def reminder(tools: Iterable[str]) -> str:
    return (
        "You called no tool. Work is only done through calls, and only finish ends it. "
        f"Call one of {', '.join(tools)} now; if all is done, call finish with a summary."
    )


def cut_off(max_tokens: int) -> str:
    return (
        f"You were cut off after {max_tokens} tokens, and nothing of that answer was done. Say it again in smaller "
        "pieces: think less, write a long file in parts, make one call at a time."
    )


def said_badly(message: str) -> str:
    return (
        f"Your previous response caused an error: {text.line(message, 300)}. "
        "Nothing of it was done. Try again with a valid response; keep the arguments of the call simple."
    )


def steering(circle: str) -> str:
    return (
        f"You {circle}. Doing it again will not help. Read what the results said, try something else, "
        "or call finish and name what blocks you."
    )
