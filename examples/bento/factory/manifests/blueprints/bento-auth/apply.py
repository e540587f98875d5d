"""Wires accounts and subscriptions into the API that is there: dependencies, plugin, routes."""

import sys
from pathlib import Path

EDITS = (
    (
        "api/build.gradle.kts",
        '    implementation("io.ktor:ktor-server-netty")\n',
        '    implementation("io.ktor:ktor-server-auth")\n    implementation("io.ktor:ktor-server-auth-jwt")\n',
    ),
    (
        "api/src/main/kotlin/no/bento/Application.kt",
        "import no.bento.plugins.configureRouting\n",
        "import no.bento.plugins.configureSecurity\n",
    ),
    ("api/src/main/kotlin/no/bento/Application.kt", "    configureCors()\n", "    configureSecurity()\n"),
    (
        "api/src/main/kotlin/no/bento/plugins/Routing.kt",
        "import io.ktor.server.routing.routing\n",
        "import no.bento.auth.Users\nimport no.bento.auth.accountRoutes\nimport no.bento.auth.tokens\n",
    ),
    (
        "api/src/main/kotlin/no/bento/plugins/Routing.kt",
        "import no.bento.catalog.catalogRoutes\n",
        "import no.bento.subscriptions.Subscriptions\nimport no.bento.subscriptions.subscriptionRoutes\n",
    ),
    (
        "api/src/main/kotlin/no/bento/plugins/Routing.kt",
        "            catalogRoutes()\n",
        "            val database = this@configureRouting.connectDatabase()\n"
        "            accountRoutes(Users(database), this@configureRouting.tokens())\n"
        "            subscriptionRoutes(Subscriptions(database))\n",
    ),
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
