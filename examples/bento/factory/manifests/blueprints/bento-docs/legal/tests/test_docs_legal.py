"""The legal texts say what they are, cover what the GDPR asks for, and match what the product really stores."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = sorted((ROOT / "db" / "migrations").glob("*.sql"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


class LegalTest(unittest.TestCase):
    def test_both_say_that_they_are_templates_and_no_advice(self) -> None:
        for name in ("PRIVACY.md", "TERMS.md"):
            with self.subTest(file=name):
                self.assertIn("**This is a template, not legal advice.**", text(name))

    def test_the_policy_covers_what_article_13_asks_for(self) -> None:
        headings = re.findall(r"(?m)^## (.+)$", text("PRIVACY.md"))
        for wanted in ("responsible", "why", "How long", "receives", "rights"):
            with self.subTest(wanted=wanted):
                self.assertTrue(any(wanted in heading for heading in headings))

    def test_every_country_that_is_served_has_its_authority(self) -> None:
        for country in ("Norway", "Sweden", "Denmark", "Finland", "Iceland"):
            with self.subTest(country=country):
                self.assertRegex(text("PRIVACY.md"), rf"(?m)^\| {country} \| \S")
                self.assertIn(country, text("TERMS.md"))

    def test_the_policy_has_a_sentence_that_says_it_in_short(self) -> None:
        lines = [line for line in text("PRIVACY.md").split("## ")[0].splitlines() if line and line[0] not in "#>"]
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].endswith("."))

    @unittest.skipUnless(MIGRATIONS, "the database schema is not here yet")
    def test_personal_columns_of_the_database_are_named(self) -> None:
        schema = "\n".join(path.read_text(encoding="utf-8") for path in MIGRATIONS)
        policy = text("PRIVACY.md")
        for column, word in (("email", "e-mail"), ("password_hash", "salted hash"), ("street", "street"), ("consented_at", "consent")):
            if re.search(rf"(?m)^    {column} ", schema):
                with self.subTest(column=column):
                    self.assertIn(word, policy)

    def test_no_cookie_is_set_that_the_policy_denies(self) -> None:
        for path in (ROOT / "frontend").rglob("*.ts*"):
            if "node_modules" not in path.parts:
                with self.subTest(file=str(path.relative_to(ROOT))):
                    self.assertNotRegex(path.read_text(encoding="utf-8"), r"document\.cookie|cookies\(\)")


if __name__ == "__main__":
    unittest.main()
