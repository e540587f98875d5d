"""Writes `.env.example` from what `docker-compose.yml` really asks for: every variable, with its reason or its default."""

import re
import sys
from pathlib import Path

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::([?-])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")
SUGGESTED = {"POSTGRES_DB": "bento", "POSTGRES_USER": "bento"}
HEAD = """\
# Settings of docker-compose.yml. Copy this file to .env and fill in what is empty; .env itself is never committed.
# A good secret: openssl rand -hex 32
"""


def variables(compose: str) -> dict[str, tuple[str, str]]:
    """Name -> (why it is needed, its default), in the order in which the file asks for them."""
    found: dict[str, tuple[str, str]] = {}
    for name, kind, words in VARIABLE.findall(compose):
        reason = words if kind == "?" else "optional"
        found.setdefault(name, (reason, words if kind == "-" else ""))
    return found


def render(wanted: dict[str, tuple[str, str]]) -> str:
    blocks = [
        f"# {reason}\n{name}={'' if SECRET.search(name) else default or SUGGESTED.get(name, '')}\n"
        for name, (reason, default) in wanted.items()
    ]
    return "\n".join([HEAD, *blocks])


def main() -> int:
    compose = Path("docker-compose.yml")
    if not compose.is_file():
        print("there is no docker-compose.yml to read the settings from: is the scaffold there?", file=sys.stderr)
        return 1
    wanted = variables(compose.read_text(encoding="utf-8"))
    Path(".env.example").write_text(render(wanted), encoding="utf-8")
    print(f".env.example: {', '.join(wanted)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
