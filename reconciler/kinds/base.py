"""What all kinds share: the base model and the narrow text types. No kind is defined here.

Every pattern works alike in pydantic (Rust regex), JSON Schema and Python: no look-around, anchored at both ends.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
IDENTIFIER = r"^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"
LINE = r"^[^\x00-\x1f\x7f-\x9f]+$"
DURATION = r"^[0-9]{1,9}(ms|s|m|h|d)$"
SIZE = r"^[0-9]{1,9}(B|KiB|MiB|GiB|TiB)$"
_IN_BRANCH = r"\x00-\x20\x7f~^:?*\[\\.{"
BRANCH = rf"^[^-{_IN_BRANCH}][^{_IN_BRANCH}]*(\.[^{_IN_BRANCH}]+)*$"
"""what git allows, but for names with a brace"""
WORK_BRANCH = r"^[a-z][-a-z0-9]*/\{task\}$"
OBJECT_ID = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
URL = r"^https?://[^\s\x00-\x1f\x7f]+$"
OVERRIDE = r"^[A-Za-z0-9][-_.A-Za-z0-9]*:[^\s\x00-\x1f\x7f]+$"
COMPLEXITY = r"^[1-5]$"
KEY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"
_CHARACTER = r"[^/\\\x00-\x1f\x7f]"
_FIRST = r"[^./\\\x00-\x1f\x7f]"
_SEGMENT = rf"({_FIRST}{_CHARACTER}*|\.{_FIRST}{_CHARACTER}*|\.\.{_CHARACTER}+)"
RELATIVE = rf"^{_SEGMENT}(/{_SEGMENT})*/?$"
ABSOLUTE = r"^/[^\x00-\x1f\x7f]*$"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
HOST_PORT = rf"^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?:{_PORT}$"

IN_WORDS = {
    ABSOLUTE: "an absolute path",
    HOST_PORT: "a place, such as `api.example.org:443`",
    NAME: "a name: lower-case letters, digits and `-`, beginning and ending with a letter or digit",
    IDENTIFIER: "an identifier: letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit",
    LINE: "one line of text without control characters",
    DURATION: "a duration such as `30s`, `5m` or `6h`",
    SIZE: "a size such as `512MiB` or `2GiB`",
    BRANCH: "a branch name",
    WORK_BRANCH: "a folder of branches and the task, such as `alai/{task}`",
    OBJECT_ID: "a full commit id",
    URL: "a URL that begins with `http://` or `https://`",
    OVERRIDE: "a tier (a number) or `backend:model`",
    COMPLEXITY: 'a complexity from "1" to "5"',
    KEY: "a label or annotation key such as `product` or `example.org/owner`",
    RELATIVE: "a relative path without `..`, `.` or an empty part",
}
"""Pattern -> what a text must be, for error messages."""


Name = Annotated[str, Field(pattern=NAME, max_length=63)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=63)]
Line = Annotated[str, Field(pattern=LINE, max_length=300)]
Text = Annotated[str, Field(max_length=200_000)]
Duration = Annotated[str, Field(pattern=DURATION)]
Size = Annotated[str, Field(pattern=SIZE)]
Branch = Annotated[str, Field(pattern=BRANCH, max_length=200)]
ObjectId = Annotated[str, Field(pattern=OBJECT_ID)]
Url = Annotated[str, Field(pattern=URL, max_length=500)]
Absolute = Annotated[str, Field(pattern=ABSOLUTE, max_length=500)]
HostPort = Annotated[str, Field(pattern=HOST_PORT, max_length=260)]
Relative = Annotated[str, Field(pattern=RELATIVE, max_length=500)]
Key = Annotated[str, Field(pattern=KEY, max_length=180)]
Complexity = Annotated[int, Field(ge=1, le=5)]
TierNumber = Annotated[int, Field(ge=0, le=99)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Positive = Annotated[int, Field(ge=1, le=1_000_000_000)]
Money = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Shape(BaseModel):
    """Base of all models: camelCase in YAML, unknown keys refused, nothing converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)
