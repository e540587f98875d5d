"""Writes the document that is asked for: `generate.py legal|api`, at the product's root.

Texts come from the folder of the document beside this file; the opening sentence may be a model's (see prose.py), and the API
page is made from the product's own OpenAPI files.
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPENINGS = {
    "legal": ("PRIVACY.md", "Bento uses personal data only to cook, deliver and bill the boxes that a customer has ordered."),
    "api": (
        "docs/user-guide.md",
        "Bento brings one box of cooked meals a week, and this page tells how to get the first one.",
    ),
}


def main(document: str) -> int:
    if document not in OPENINGS:
        print(f"this blueprint writes {' and '.join(OPENINGS)}, not {document!r}", file=sys.stderr)
        return 1
    source = HERE / document
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            print(f"wrote {target}")
    steps = [[str(HERE / "prose.py"), "docs/opening.txt", *OPENINGS[document]]]
    if document == "api":
        steps.append(["docs/api_docs.py"])
    return max(subprocess.run([sys.executable, *step], check=False).returncode for step in steps)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
