"""Accounts and subscriptions: what is public, what needs a token, how passwords are kept, and what the SQL relies on."""

import json
import re
import unittest
from pathlib import Path

from tests import kotlin

ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = sorted((ROOT / "db" / "migrations").glob("*.sql"))


def operation(method: str, path: str) -> dict[str, object]:
    for file in kotlin.OPENAPI.glob("*.json"):
        item = json.loads(file.read_text(encoding="utf-8"))["paths"].get(path, {})
        if method in item:
            return item[method]
    raise KeyError(f"{method} {path}")


def source(name: str) -> str:
    return kotlin.sources()[f"no/bento/{name}"]


class AccountsTest(unittest.TestCase):
    def test_the_endpoints_are_served_and_described(self) -> None:
        wanted = {
            ("post", "/api/v1/auth/register"),
            ("post", "/api/v1/auth/login"),
            ("get", "/api/v1/subscriptions"),
            ("post", "/api/v1/subscriptions"),
            ("patch", "/api/v1/subscriptions/{id}"),
            ("delete", "/api/v1/subscriptions/{id}"),
        }
        self.assertLessEqual(wanted, kotlin.routes())
        self.assertLessEqual(wanted, kotlin.described())

    def test_subscriptions_need_a_token_and_signing_in_does_not(self) -> None:
        for method, path in kotlin.described():
            if "/subscriptions" in path or "/auth/" in path:
                with self.subTest(path=path, method=method):
                    self.assertEqual("security" in operation(method, path), "/subscriptions" in path)

    def test_subscription_routes_stand_inside_authentication(self) -> None:
        code = source("subscriptions/SubscriptionRoutes.kt")
        start = code.index("authenticate(ACCOUNT) {") + len("authenticate(ACCOUNT) {")
        inside = kotlin.body(code, start)
        self.assertEqual(
            len(re.findall(r'\b(?:get|post|patch|delete)\("', inside)), len(re.findall(r'\b(?:get|post|patch|delete)\("', code))
        )

    def test_every_query_on_existing_subscriptions_names_their_owner(self) -> None:
        statements = re.findall(r'"""(.*?)"""|"(SELECT [^"]*)"', source("subscriptions/Subscriptions.kt"), re.DOTALL)
        reading = [" ".join(parts).strip() for parts in statements if "INSERT" not in " ".join(parts)]
        self.assertEqual(len(reading), 3)
        for statement in reading:
            with self.subTest(statement=statement.split("\n")[0]):
                self.assertIn("user_id = ?", statement)

    def test_values_never_become_part_of_an_sql_text(self) -> None:
        for name, code in kotlin.sources().items():
            for first, second in re.findall(r'"""(.*?)"""|"((?:SELECT|INSERT|UPDATE|DELETE) [^"]*)"', code, re.DOTALL):
                with self.subTest(file=name):
                    self.assertNotIn("$", first + second)

    def test_passwords_are_salted_stretched_and_compared_in_constant_time(self) -> None:
        code = source("auth/Passwords.kt")
        self.assertIn("PBKDF2WithHmacSHA256", code)
        self.assertIn("SecureRandom()", code)
        self.assertIn("MessageDigest.isEqual(", code)
        rounds = re.search(r"ROUNDS = ([\d_]+)", code)
        self.assertGreaterEqual(int(rounds[1].replace("_", "")) if rounds else 0, 600_000)

    def test_the_description_asks_for_the_same_password_length_as_the_code(self) -> None:
        schemas = json.loads((kotlin.OPENAPI / "accounts.json").read_text(encoding="utf-8"))["components"]["schemas"]
        wanted = schemas["Registration"]["properties"]["password"]
        code = source("auth/Passwords.kt")
        self.assertIn(f"SHORTEST = {wanted['minLength']}", code)
        self.assertIn(f"LONGEST = {wanted['maxLength']}", code)

    def test_required_fields_are_those_of_the_code(self) -> None:
        for file, name, where in (
            ("accounts", "Registration", "auth/AccountRoutes.kt"),
            ("accounts", "Login", "auth/AccountRoutes.kt"),
            ("subscriptions", "NewSubscription", "subscriptions/SubscriptionRoutes.kt"),
            ("subscriptions", "Subscription", "subscriptions/Subscriptions.kt"),
        ):
            document = json.loads((kotlin.OPENAPI / f"{file}.json").read_text(encoding="utf-8"))
            schema = document["components"]["schemas"][name]
            declared = re.search(rf"data class {name}\((.*?)\)", source(where), re.DOTALL)
            with self.subTest(schema=name):
                fields = re.findall(r"val (\w+):", declared[1] if declared else "")
                self.assertEqual(fields, schema["required"])
                self.assertEqual(set(fields), set(schema["properties"]))

    def test_the_plans_of_the_description_are_those_of_the_catalog(self) -> None:
        document = json.loads((kotlin.OPENAPI / "subscriptions.json").read_text(encoding="utf-8"))
        plans = re.findall(r'Plan\(code = "(\w+)"', source("catalog/Catalog.kt"))
        for name in ("Subscription", "NewSubscription"):
            self.assertEqual(document["components"]["schemas"][name]["properties"]["plan"]["enum"], plans)

    @unittest.skipUnless(MIGRATIONS, "the database schema is not here yet")
    def test_every_table_and_column_that_is_written_exists(self) -> None:
        schema = "\n".join(path.read_text(encoding="utf-8") for path in MIGRATIONS)
        code = source("auth/Users.kt") + source("subscriptions/Subscriptions.kt")
        inserts = re.findall(r"INSERT INTO (\w+) \(([^)]+)\)", code)
        self.assertEqual(len(inserts), 4)
        for table, columns in inserts:
            created = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", schema, re.DOTALL)
            self.assertIsNotNone(created, table)
            for column in columns.split(", "):
                with self.subTest(table=table, column=column):
                    self.assertRegex(created[1] if created else "", rf"(?m)^    {column} ")


if __name__ == "__main__":
    unittest.main()
