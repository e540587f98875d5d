"""What a model's server says when it fails, read for what can be done about it."""

from __future__ import annotations

import re

from reconciler.execute import text
from reconciler.execute.backends.port import BackendError
from reconciler.model.vocabulary import Reason

_SAID_BADLY = re.compile(
    r"pars\w*\b.*\b(tool|function).?call|(tool|function).?call.*\bpars|failed to parse|unexpected end of json"
    r"|invalid character .* (after|in|looking for)|xml syntax error|invalid diff",
    re.IGNORECASE,
)
"""of a server that cannot read its own model's output, such as a call of a tool"""
_TOO_LONG = re.compile(
    r"exceed_context_size|context.*(exceed|too (long|large|small))|(exceed|too (long|large)|longer than).*context",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(r"does not support tools|tools? (param\w* )?requires? --jinja", re.IGNORECASE)

_READ = 2_000
"""characters of it: what is wrong is said first"""


def server_failure(who: str, said: str, status: int | None) -> BackendError:
    """The failure in the server's own words. `status` is HTTP's; None where they came in the middle of a stream."""
    said = said[:_READ]
    words = text.line(said, 300)
    if _TOO_LONG.search(said):
        return BackendError(Reason.CONTEXT_OVERFLOW, f"the conversation does not fit the window of {who}: {words}")
    if _NO_TOOLS.search(said):
        return BackendError(Reason.CAPABILITY_MISSING, f"{who} offers no tools: {words}")
    if status in (429, 503):
        return BackendError(Reason.HOST_UNREACHABLE, f"{who} is not ready or has too much to do: {words}")
    badly = (status is None or status >= 500) and _SAID_BADLY.search(said) is not None
    return BackendError(Reason.BACKEND_ERROR, f"{who} failed: {words}", said_badly=badly)
