"""Names of generated tasks: the same cause always gives the same name, so that nothing is made twice."""

from __future__ import annotations

import hashlib
import re

from reconciler.model.spec import Product

LONGEST = 63
"""characters of an object's name"""


def name_of(*parts: str) -> str:
    """The parts as one valid name. One that would be too long is cut and ends with 8 digits of its digest."""
    text = re.sub("[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: LONGEST - 9].rstrip('-')}-{digest}"


def stage_name(parent: str, stage: str) -> str:
    """`<parent>-<stage>`."""
    return name_of(parent, stage)


def goal_stage_name(owner: str, stage: str, document: str | None) -> str:
    """`<owner>-<stage>`, and `-<document>` for a stage that runs once per document."""
    return name_of(owner, stage, document) if document else name_of(owner, stage)


def product_name(product: Product | None, fallback: str) -> str:
    """The last part of the product's repository, without `.git`; else `fallback`."""
    if product is None:
        return fallback
    last = product.repository.replace("\\", "/").rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return last.removesuffix(".git") or fallback
