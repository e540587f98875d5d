"""Saved plans: what `diff --out` writes, and whether carrying one out would still do what it says.

The file is believed in nothing: what it says is compared with the plan as it is made now.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from reconciler.controller.report import plan_json
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.view import Plan
from reconciler.plan.digest import Meaning, digest, meaning

AGAIN = "look again with: alai-reconcile diff --out FILE"


def text(document: dict[str, Any]) -> str:
    """The file of a plan in the contract's form."""
    plain = msgspec.json.decode(msgspec.json.encode(document))
    return json.dumps({**plain, "digest": digest(plain)}, indent=2) + "\n"


def read(path: Path) -> Meaning:
    """What the file says is to be done. Raises FactoryError for what is no plan, Refused for one that was edited."""
    try:
        saved = path.read_bytes()
    except OSError as error:
        raise FactoryError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        document = json.loads(saved)
        said = meaning(document)
        edited = document["digest"] != digest(document)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FactoryError(f"{path}: is not a plan that `diff --out` wrote: {error}") from error
    if edited:
        raise Refused(f"{path}: was edited after it was saved, so nothing of it is carried out; {AGAIN}")
    return said


def refuse_other(said: Meaning, now: Plan) -> None:
    """Raises Refused unless the saved plan is exactly what would be done now, of the same commit."""
    if said == meaning(msgspec.json.decode(msgspec.json.encode(plan_json(now)))):
        return
    raise Refused(
        f"the saved plan was made at {said.base.commit[:12]} and no longer is what would happen at "
        f"{now.commit[:12]}; {AGAIN}"
    )
