"""The README says what the product is and how to run its tests."""

import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class ReadmeTest(unittest.TestCase):
    def test_the_readme_names_the_product_and_its_test_command(self) -> None:
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertTrue(text.startswith("# Bento\n"))
        self.assertIn("make test", text)


if __name__ == "__main__":
    unittest.main()
