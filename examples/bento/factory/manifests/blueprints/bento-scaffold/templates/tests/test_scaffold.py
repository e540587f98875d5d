"""The skeleton hangs together: settings, containers, pages, routes and their description."""

import json
import re
import unittest
from pathlib import Path

from tests import kotlin

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def services(compose: str) -> dict[str, str]:
    """The blocks below `services:` by name, for a file that is indented by two spaces."""
    block = re.search(r"^services:\n((?:(?: .*)?\n)+)", compose, re.MULTILINE)
    parts = re.split(r"^  (\w[\w-]*):\n", block[1] if block else "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


class ContainersTest(unittest.TestCase):
    def test_compose_runs_database_api_and_web_app(self) -> None:
        self.assertEqual(set(services(text("docker-compose.yml"))), {"postgres", "api", "web"})

    def test_every_image_is_pinned_to_a_version(self) -> None:
        for name, block in services(text("docker-compose.yml")).items():
            with self.subTest(service=name):
                self.assertRegex(block, r"\n?    image: [\w/.-]+:\d+\.\d+")

    def test_the_api_waits_for_a_healthy_database(self) -> None:
        self.assertIn("condition: service_healthy", services(text("docker-compose.yml"))["api"])

    def test_no_password_is_written_down(self) -> None:
        for key, value in re.findall(r"^      (\w*(?:PASSWORD|SECRET)\w*): (.*)$", text("docker-compose.yml"), re.M):
            with self.subTest(key=key):
                self.assertRegex(value, r"^\$\{\w+:\?.+\}$")

    def test_every_setting_of_the_api_is_passed_in_by_compose(self) -> None:
        wanted = set(re.findall(r": \$(\w+)$", text("api/src/main/resources/application.yaml"), re.M))
        given = set(re.findall(r"^      (\w+):", services(text("docker-compose.yml"))["api"], re.M))
        self.assertTrue(wanted)
        self.assertLessEqual(wanted, given)


class FrontendTest(unittest.TestCase):
    def test_package_json_pins_next_and_react(self) -> None:
        package = json.loads(text("frontend/package.json"))
        self.assertTrue(package["private"])
        for name in ("next", "react", "react-dom"):
            with self.subTest(package=name):
                self.assertRegex(package["dependencies"][name], r"^\d+\.\d+\.\d+$")
        self.assertEqual(package["dependencies"]["react"], package["dependencies"]["react-dom"])

    def test_every_local_import_leads_to_a_file(self) -> None:
        for path in sorted(FRONTEND.rglob("*.ts*")):
            if "node_modules" in path.parts or ".next" in path.parts:
                continue
            for target in re.findall(r"""(?:from|import) ["']((?:\.|@/)[^"']*)["']""", path.read_text(encoding="utf-8")):
                base = FRONTEND / target[2:] if target.startswith("@/") else path.parent / target
                with self.subTest(file=str(path.relative_to(ROOT)), imports=target):
                    candidates = [base, *(base.with_name(base.name + end) for end in (".ts", ".tsx"))]
                    self.assertTrue(any(candidate.is_file() for candidate in candidates))

    def test_every_page_exports_one_component(self) -> None:
        pages = sorted((FRONTEND / "app").rglob("page.tsx"))
        self.assertTrue(pages)
        for page in pages:
            with self.subTest(page=str(page.relative_to(ROOT))):
                self.assertEqual(len(re.findall(r"^export default ", page.read_text(encoding="utf-8"), re.M)), 1)

    def test_the_layout_names_the_language(self) -> None:
        self.assertIn('<html lang="', text("frontend/app/layout.tsx"))


class ApiTest(unittest.TestCase):
    def test_kotlin_files_lie_where_their_package_says(self) -> None:
        for name, source in kotlin.sources().items():
            with self.subTest(file=name):
                package = re.search(r"^package ([\w.]+)$", source, re.MULTILINE)
                self.assertIsNotNone(package)
                self.assertEqual(package[1].replace(".", "/") if package else "", str(Path(name).parent))

    def test_kotlin_brackets_are_balanced(self) -> None:
        for name, source in kotlin.sources().items():
            code = kotlin.code_only(source)
            for left, right in ("{}", "()", "[]"):
                with self.subTest(file=name, bracket=left):
                    self.assertEqual(code.count(left), code.count(right))

    def test_imports_of_our_own_names_lead_to_a_declaration(self) -> None:
        everything = "\n".join(kotlin.sources().values())
        for name in set(re.findall(r"^import no\.bento\.[\w.]*?(\w+)$", everything, re.MULTILINE)):
            with self.subTest(name=name):
                self.assertRegex(everything, rf"\b(?:fun (?:\w+\.)?|class |object |interface |val ){name}\b")

    def test_every_configuration_that_is_called_is_declared_once(self) -> None:
        everything = "\n".join(kotlin.sources().values())
        called = set(re.findall(r"^    (configure\w+)\(", kotlin.sources()["no/bento/Application.kt"], re.MULTILINE))
        self.assertIn("configureRouting", called)
        for name in called:
            with self.subTest(name=name):
                self.assertEqual(len(re.findall(rf"fun Application\.{name}\(", everything)), 1)

    def test_the_routes_and_their_description_agree(self) -> None:
        self.assertEqual(kotlin.routes(), kotlin.described())
        self.assertIn(("get", "/api/v1/plans"), kotlin.routes())

    def test_every_reference_in_the_description_resolves(self) -> None:
        for path in sorted(kotlin.OPENAPI.glob("*.json")):
            raw = path.read_text(encoding="utf-8")
            schemas = json.loads(raw).get("components", {}).get("schemas", {})
            for name in set(re.findall(r'"#/components/schemas/(\w+)"', raw)):
                with self.subTest(file=path.name, schema=name):
                    self.assertIn(name, schemas)

    def test_prices_are_whole_numbers(self) -> None:
        catalog = kotlin.sources()["no/bento/catalog/Catalog.kt"]
        self.assertIn("priceOre: Int", catalog)
        self.assertNotRegex(catalog, r"\b(?:Double|Float)\b")


if __name__ == "__main__":
    unittest.main()
