"""A plan's digest: equal as long as carrying the plan out would do the same."""

from __future__ import annotations

import hashlib

import msgspec

from reconciler.model.view import Change, Plan


def digest(plan: Plan) -> str:
    """sha256 (hex) over everything in the plan but its times and its commit."""
    parts = {
        "changes": [_plain(change) for change in plan.changes],
        "held": [_plain(change) for change in plan.held],
        "drift": [_plain(change) for change in plan.drift],
        "create": [[str(item.ref), item.generation] for item in plan.create],
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _plain(change: Change) -> list[object]:
    return [change.address, change.action, change.reason, change.before, change.after, change.needs_person]
