"""Installs the rate limit in the API that is there."""

import sys
from pathlib import Path

EDITS = (
    (
        "api/build.gradle.kts",
        '    implementation("io.ktor:ktor-server-cors")\n',
        '    implementation("io.ktor:ktor-server-forwarded-header")\n'
        '    implementation("io.ktor:ktor-server-rate-limit")\n',
    ),
    (
        "api/src/main/kotlin/no/bento/Application.kt",
        "import no.bento.plugins.configureErrors\n",
        "import no.bento.plugins.configureRateLimit\n",
    ),
    ("api/src/main/kotlin/no/bento/Application.kt", "    configureErrors()\n", "    configureRateLimit()\n"),
)


def main() -> int:
    for name, after, added in EDITS:
        path = Path(name)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if added in text:
            continue
        if after not in text:
            print(f"{name} has no line {after.strip()!r} to work from: is the scaffold there?", file=sys.stderr)
            return 1
        path.write_text(text.replace(after, after + added, 1), encoding="utf-8")
        print(f"{name}: added {len(added.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
