"""Every answer of the web app carries a Content Security Policy that refuses what Bento does not use."""

import re
import unittest
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"
HEADERS = FRONTEND / "security-headers.mjs"


def directives() -> dict[str, list[str]]:
    """The policy as it is written; sources that only development gets are left out."""
    block = re.search(r"const policy = \{\n(.*?)\n\};", HEADERS.read_text(encoding="utf-8"), re.DOTALL)
    lines = re.findall(r'^  "([\w-]+)": \[(.*)\],$', block[1] if block else "", re.MULTILINE)
    return {name: re.findall(r'"([^"]+)"', re.sub(r"\.\.\.\(.*?\)", "", sources)) for name, sources in lines}


class SecurityHeadersTest(unittest.TestCase):
    def test_the_configuration_sends_them_with_every_path(self) -> None:
        config = (FRONTEND / "next.config.mjs").read_text(encoding="utf-8")
        self.assertIn('import { securityHeaders } from "./security-headers.mjs";', config)
        self.assertIn('{ source: "/:path*", headers: securityHeaders }', config)

    def test_only_this_origin_is_trusted_unless_said_otherwise(self) -> None:
        self.assertEqual(directives()["default-src"], ["'self'"])

    def test_plugins_and_framing_are_refused(self) -> None:
        for name in ("object-src", "frame-ancestors"):
            with self.subTest(directive=name):
                self.assertEqual(directives()[name], ["'none'"])

    def test_forms_and_base_addresses_stay_here(self) -> None:
        for name in ("form-action", "base-uri"):
            with self.subTest(directive=name):
                self.assertEqual(directives()[name], ["'self'"])

    def test_no_directive_allows_everything(self) -> None:
        for name, sources in directives().items():
            with self.subTest(directive=name):
                self.assertFalse({"*", "http:", "https:", "'unsafe-eval'"} & set(sources))


if __name__ == "__main__":
    unittest.main()
