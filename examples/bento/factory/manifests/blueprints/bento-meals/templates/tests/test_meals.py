"""Choosing meals and checking out: labelled fields, limits that agree with the API, and nothing kept that should not be."""

import json
import re
import unittest
from pathlib import Path

from tests import kotlin

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
ACCOUNTS = kotlin.OPENAPI / "accounts.json"


def text(path: str) -> str:
    return (FRONTEND / path).read_text(encoding="utf-8")


def elements(source: str, name: str) -> list[dict[str, str]]:
    """Attributes of each `<name ...>` element, values without quotes or braces; a bare attribute has the value ''."""
    found: list[dict[str, str]] = []
    for match in re.finditer(rf"<{name}\b((?:[^>{{}}]|=>|\{{[^{{}}]*\}})*)>", source):
        pairs = re.findall(r"(\w+)(?:=(?:\"([^\"]*)\"|\{([^{}]*)\}))?", match[1])
        found.append({key: quoted or braced for key, quoted, braced in pairs})
    return found


class MealSelectionTest(unittest.TestCase):
    def test_every_choice_is_inside_its_label_and_group(self) -> None:
        picker = text("app/meals/MealPicker.tsx")
        groups = re.findall(r"<fieldset\b.*?</fieldset>", picker, re.DOTALL)
        self.assertEqual(len(groups), 2)
        for group in groups:
            self.assertIn("<legend>", group)
            self.assertRegex(group, r"(?s)<label\b[^>]*>\s*<input\b.*</label>")

    def test_a_full_box_takes_no_more_and_a_short_one_cannot_go_on(self) -> None:
        picker = text("app/meals/MealPicker.tsx")
        self.assertIn("disabled={!chosen && isFull(basket, plan)}", picker)
        self.assertIn("disabled={missing(basket, plan) > 0}", picker)

    def test_the_menu_comes_from_endpoints_that_exist(self) -> None:
        for path in re.findall(r'request<\w+\[\]>\("(/\w+)"\)', text("app/meals/MealPicker.tsx")):
            with self.subTest(path=path):
                self.assertIn(("get", f"/api/v1{path}"), kotlin.described())


class CheckoutTest(unittest.TestCase):
    def test_every_field_has_a_label_of_its_own(self) -> None:
        form = text("app/checkout/CheckoutForm.tsx")
        fields = elements(form, "input") + elements(form, "select")
        labels = [label["htmlFor"] for label in elements(form, "label")]
        self.assertEqual(len(fields), 8)
        self.assertEqual(sorted(field["id"] for field in fields), sorted(labels))
        for field in fields:
            with self.subTest(field=field["id"]):
                self.assertEqual(field["id"], field["name"])

    def test_every_field_is_sent_and_nothing_else(self) -> None:
        form = text("app/checkout/CheckoutForm.tsx")
        sent = set(re.findall(r'(?:field|fields\.has)\("(\w+)"\)', form))
        self.assertEqual(sent, {field["name"] for field in elements(form, "input") + elements(form, "select")})

    def test_personal_fields_can_be_filled_in_by_the_browser(self) -> None:
        for field in elements(text("app/checkout/CheckoutForm.tsx"), "input"):
            if field.get("type") != "checkbox":
                with self.subTest(field=field["name"]):
                    self.assertTrue(field.get("autoComplete"))

    def test_no_card_number_is_asked_for(self) -> None:
        self.assertNotRegex(text("app/checkout/CheckoutForm.tsx"), r'autoComplete="cc-')

    def test_the_token_and_the_password_are_stored_nowhere(self) -> None:
        for path in FRONTEND.rglob("*.ts*"):
            if "node_modules" in path.parts:
                continue
            for call in re.findall(r"(?:local|session)Storage\.setItem\(([^)]*)", path.read_text(encoding="utf-8")):
                with self.subTest(file=str(path.relative_to(ROOT))):
                    self.assertNotRegex(call, r"(?i)token|password")

    def test_a_problem_is_announced(self) -> None:
        self.assertIn('role="alert"', text("app/checkout/CheckoutForm.tsx"))

    @unittest.skipUnless(ACCOUNTS.exists(), "the account endpoints are not here yet")
    def test_the_order_speaks_the_api_s_language(self) -> None:
        described = kotlin.described()
        for path in re.findall(r'request<\w+>\("(/[\w/]+)"', text("lib/orders.ts")):
            with self.subTest(path=path):
                self.assertIn(("post", f"/api/v1{path}"), described)
        registration = json.loads(ACCOUNTS.read_text(encoding="utf-8"))["components"]["schemas"]["Registration"]
        field = next(f for f in elements(text("app/checkout/CheckoutForm.tsx"), "input") if f["name"] == "password")
        self.assertEqual(int(field["minLength"]), registration["properties"]["password"]["minLength"])
        countries = re.findall(r"\b([A-Z]{2}): \"", text("app/checkout/CheckoutForm.tsx"))
        self.assertEqual(countries, registration["properties"]["country"]["enum"])


if __name__ == "__main__":
    unittest.main()
