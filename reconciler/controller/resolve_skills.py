"""Where a skill is found: the company, the company that an environment variable names, the user's own folders.

The first place that has it wins. All but the user's folders is read at the trusted commit; the Policy lists the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from reconciler.controller import trusted
from reconciler.controller.trusted import Home
from reconciler.desired import frontmatter
from reconciler.model.errors import FactoryError
from reconciler.model.job import SkillBrief
from reconciler.model.spec import Outside


def skill(root: Path, commit: str, name: str, homes: Sequence[Home], policy: Outside) -> SkillBrief:
    """The skill of this name. Raises FactoryError that names every place looked at where there is none."""
    looked: list[str] = []
    for home in homes:
        folder = f"{home.folder}/skills"
        looked.append(f"{folder}/{name}/SKILL.md" + (f" ({home.why})" if home.why else ""))
        text = trusted.find(root, commit, folder, f"{name}/SKILL.md")
        if text is not None:
            return _brief(name, text, home.source)
    for folder in policy.skills:
        looked.append(f"{folder}/{name}/SKILL.md")
        text = trusted.outside(root, folder, f"{name}/SKILL.md")
        if text is not None:
            return _brief(name, text, folder)
    raise FactoryError(f"skill {name}: is in none of: {', '.join(looked)}")


def _brief(name: str, text: str, source: str) -> SkillBrief:
    return SkillBrief(
        name=name,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        source=source,
        description=frontmatter.read(text).text("description"),
    )
