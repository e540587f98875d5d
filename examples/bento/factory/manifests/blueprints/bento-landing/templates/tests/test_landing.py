"""The landing page has hero, pricing and call to action, can be used by everyone, and tells the API's prices."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
PARTS = ("Hero", "Steps", "Pricing")


def text(path: str) -> str:
    return (FRONTEND / path).read_text(encoding="utf-8")


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two `#rrggbb` colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class LandingTest(unittest.TestCase):
    def test_the_page_shows_its_parts_in_order(self) -> None:
        self.assertEqual(re.findall(r"^      <(\w+) />$", text("app/page.tsx"), re.MULTILINE), list(PARTS))

    def test_there_is_one_main_heading(self) -> None:
        self.assertEqual(sum(text(f"components/{part}.tsx").count("<h1") for part in PARTS), 1)

    def test_every_section_is_named_by_its_heading(self) -> None:
        for part in PARTS:
            source = text(f"components/{part}.tsx")
            with self.subTest(part=part):
                label = re.search(r'<section[^>]* aria-labelledby="([\w-]+)"', source)
                self.assertIsNotNone(label)
                self.assertRegex(source, rf'<h[12] id="{label[1] if label else ""}">')

    def test_the_call_to_action_leads_to_the_meals(self) -> None:
        self.assertIn('href="/meals"', text("components/Hero.tsx"))

    def test_prices_are_those_of_the_api(self) -> None:
        pattern = r'code(?: =|:) "(\w+)".*?meals(?: =|:) (\d+), portions(?: =|:) (\d+), priceOre(?: =|:) (\d+)'
        catalog = (ROOT / "api/src/main/kotlin/no/bento/catalog/Catalog.kt").read_text(encoding="utf-8")
        shown = re.findall(pattern, text("content/landing.ts"))
        self.assertEqual(len(shown), 3)
        self.assertEqual(shown, re.findall(pattern, catalog))

    def test_every_class_that_is_used_is_styled(self) -> None:
        styled = set(re.findall(r"\.([a-z]\w*)", text("components/landing.module.css")))
        for part in PARTS:
            with self.subTest(part=part):
                self.assertLessEqual(set(re.findall(r"styles\.(\w+)", text(f"components/{part}.tsx"))), styled)

    def test_text_can_be_read_on_its_background(self) -> None:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", text("app/globals.css")))
        for name in ("ink", "quiet", "fjord"):
            with self.subTest(colour=name):
                self.assertGreaterEqual(contrast(colours[name], colours["paper"]), 4.5)

    def test_the_claim_fits_under_the_title(self) -> None:
        claim = re.search(r'claim: "([^"]+)"', text("content/landing.ts"))
        self.assertIsNotNone(claim)
        self.assertLessEqual(len(claim[1]) if claim else 0, 240)


if __name__ == "__main__":
    unittest.main()
