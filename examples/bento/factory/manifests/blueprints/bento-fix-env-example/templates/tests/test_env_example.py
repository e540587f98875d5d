"""`.env.example` names every setting that Docker Compose asks for, and no secret."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def declared() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value for name, value in pairs}


class EnvExampleTest(unittest.TestCase):
    def test_every_variable_of_compose_is_there(self) -> None:
        compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
        wanted = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", compose))
        self.assertTrue(wanted)
        self.assertEqual(set(declared()), wanted)

    def test_secrets_are_left_empty(self) -> None:
        for name, value in declared().items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name):
                with self.subTest(name=name):
                    self.assertEqual(value, "")

    def test_every_setting_says_what_it_is(self) -> None:
        lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
        for before, line in zip(lines, lines[1:], strict=False):
            if re.match(r"[A-Z_0-9]+=", line):
                with self.subTest(line=line):
                    self.assertRegex(before, r"^# \S")

    def test_git_ignores_the_real_settings_but_not_the_example(self) -> None:
        ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
        self.assertIn(".env", ignored)
        self.assertIn("!.env.example", ignored)


if __name__ == "__main__":
    unittest.main()
