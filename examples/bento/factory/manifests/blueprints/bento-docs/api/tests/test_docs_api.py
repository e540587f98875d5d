"""The API documentation is what the OpenAPI files say, and the user guide tells of the product that is there."""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


class ApiDocumentationTest(unittest.TestCase):
    def test_it_is_current(self) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "docs" / "api_docs.py"), "--check"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_operation_has_its_heading(self) -> None:
        for path in (ROOT / "api" / "openapi").glob("*.json"):
            for url, item in json.loads(path.read_text(encoding="utf-8"))["paths"].items():
                for method in item:
                    with self.subTest(operation=f"{method} {url}"):
                        self.assertIn(f"### {method.upper()} {url}\n", text("docs/API.md"))

    def test_every_link_inside_the_page_leads_somewhere(self) -> None:
        page = text("docs/API.md")
        headings = {heading.lower() for heading in re.findall(r"(?m)^### (\w+)$", page)}
        self.assertLessEqual(set(re.findall(r"\]\(#(\w+)\)", page)), headings)


class UserGuideTest(unittest.TestCase):
    def test_the_plans_are_those_of_the_catalog(self) -> None:
        catalog = text("api/src/main/kotlin/no/bento/catalog/Catalog.kt")
        for title, meals, portions in re.findall(r'title = "(\w+)", meals = (\d+), portions = (\d+)', catalog):
            with self.subTest(plan=title):
                self.assertRegex(text("docs/user-guide.md"), rf"\*{title}\* \({meals} meals, {portions} portions?\)")

    def test_the_messages_it_explains_are_really_shown(self) -> None:
        sources = "\n".join(
            path.read_text(encoding="utf-8")
            for end in ("*.kt", "*.ts", "*.tsx")
            for path in (*(ROOT / "api").rglob(end), *(ROOT / "frontend").rglob(end))
            if "node_modules" not in path.parts
        )
        for message in re.findall(r'(?m)^\| "([^"]+)" \|', text("docs/user-guide.md")):
            with self.subTest(message=message):
                self.assertIn(message, sources)


if __name__ == "__main__":
    unittest.main()
