"""Has every answer of the web app carry the security headers."""

import sys
from pathlib import Path

EDITS = (
    (
        "frontend/next.config.mjs",
        "",
        'import { securityHeaders } from "./security-headers.mjs";\n\n',
    ),
    (
        "frontend/next.config.mjs",
        "  reactStrictMode: true,\n",
        "  async headers() {\n"
        '    return [{ source: "/:path*", headers: securityHeaders }];\n'
        "  },\n",
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
