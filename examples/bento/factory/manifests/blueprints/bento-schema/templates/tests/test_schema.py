"""The schema keeps its promises. It runs in SQLite after a small translation of types; only standard SQL is judged."""

import re
import sqlite3
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = sorted((ROOT / "db" / "migrations").glob("*.sql"))
CATALOG = ROOT / "api/src/main/kotlin/no/bento/catalog/Catalog.kt"
HASH = "x" * 60
LONG_AGO = "2026-01-01T00:00:00Z"


def translated(sql: str) -> str:
    """PostgreSQL's types and functions in SQLite's words."""
    for pattern, replacement in (
        (r"gen_random_uuid\(\)", "(lower(hex(randomblob(16))))"),
        (r"\bnow\(\)", "CURRENT_TIMESTAMP"),
        (r"\b(?:uuid|timestamptz|date)\b(?=\s+(?:PRIMARY|NOT|DEFAULT|,)|,)", "text"),
    ):
        sql = re.sub(pattern, replacement, sql)
    return sql


class SchemaTest(unittest.TestCase):
    def setUp(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.addCleanup(self.db.close)
        self.db.execute("PRAGMA foreign_keys = ON")
        for path in MIGRATIONS:
            self.db.executescript(translated(path.read_text(encoding="utf-8")))

    def user(self, email: str = "kari@example.no") -> str:
        row = self.db.execute(
            "INSERT INTO users (email, password_hash, full_name, consented_at) VALUES (?, ?, 'Kari', ?) RETURNING id",
            (email, HASH, LONG_AGO),
        ).fetchone()
        return row[0]

    def subscription(self, user: str, plan: str = "duo", price: int = 99900) -> str:
        row = self.db.execute(
            "INSERT INTO subscriptions (user_id, plan, price_ore, street, postal_code, city)"
            " VALUES (?, ?, ?, 'Storgata 1', '0155', 'Oslo') RETURNING id",
            (user, plan, price),
        ).fetchone()
        return row[0]

    def delivery(self, subscription: str, day: str = "2026-12-01") -> str:
        row = self.db.execute(
            "INSERT INTO deliveries (subscription_id, deliver_on) VALUES (?, ?) RETURNING id", (subscription, day)
        ).fetchone()
        return row[0]

    def count(self, table: str) -> int:
        return self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def refused(self, action: object, *arguments: object) -> None:
        with self.assertRaises(sqlite3.IntegrityError):
            action(*arguments)  # type: ignore[operator]

    def test_the_four_entities_have_a_table(self) -> None:
        tables = {row[0] for row in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.assertLessEqual({"users", "subscriptions", "meals", "deliveries"}, tables)

    def test_migrations_are_numbered_without_gaps(self) -> None:
        numbers = [int(path.name[1:4]) for path in MIGRATIONS]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_an_address_is_used_once_however_it_is_typed(self) -> None:
        self.user("kari@example.no")
        self.refused(self.user, "Kari@Example.NO")

    def test_an_address_without_an_at_sign_is_refused(self) -> None:
        self.refused(self.user, "kari.example.no")

    def test_a_subscription_belongs_to_a_user_that_exists(self) -> None:
        self.refused(self.subscription, "nobody")

    def test_a_subscription_has_a_known_plan_and_a_price(self) -> None:
        user = self.user()
        self.refused(self.subscription, user, "gigant")
        self.refused(self.subscription, user, "duo", 0)

    def test_a_user_has_one_open_subscription_and_any_number_of_old_ones(self) -> None:
        user = self.user()
        first = self.subscription(user)
        self.refused(self.subscription, user)
        self.db.execute(
            "UPDATE subscriptions SET status = 'cancelled', cancelled_at = ? WHERE id = ?", (LONG_AGO, first)
        )
        self.subscription(user)
        self.assertEqual(self.count("subscriptions"), 2)

    def test_a_cancelled_subscription_says_since_when(self) -> None:
        subscription = self.subscription(self.user())
        self.refused(self.db.execute, "UPDATE subscriptions SET status = 'cancelled' WHERE id = ?", (subscription,))

    def test_one_box_a_day(self) -> None:
        subscription = self.subscription(self.user())
        self.delivery(subscription)
        self.refused(self.delivery, subscription)

    def test_a_meal_that_was_delivered_cannot_be_deleted(self) -> None:
        delivery = self.delivery(self.subscription(self.user()))
        self.db.execute("INSERT INTO delivery_meals VALUES (?, 'byggotto', 2)", (delivery,))
        self.refused(self.db.execute, "DELETE FROM meals WHERE code = 'byggotto'")

    def test_a_meal_is_on_the_menu_for_a_while(self) -> None:
        self.refused(self.db.execute, "UPDATE meals SET available_to = '2026-01-01'")

    @unittest.skipUnless(CATALOG.exists(), "the API's catalog is not here yet")
    def test_the_first_menu_is_that_of_the_catalog(self) -> None:
        catalog = CATALOG.read_text(encoding="utf-8")
        wanted = re.findall(r'Meal\(code = "([\w-]+)", title = "([^"]+)", diet = "(\w+)", minutes = (\d+)\)', catalog)
        stored = self.db.execute("SELECT code, title, diet, CAST(minutes AS text) FROM meals").fetchall()
        self.assertEqual(sorted(stored), sorted(wanted))

    def test_erasing_a_user_erases_what_hangs_on_the_account(self) -> None:
        self.delivery(self.subscription(self.user()))
        self.db.execute("DELETE FROM users")
        self.assertEqual((self.count("subscriptions"), self.count("deliveries")), (0, 0))

    def test_every_foreign_key_can_be_followed_by_an_index(self) -> None:
        for (table,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            leading = {
                self.db.execute(f"PRAGMA index_info('{index[1]}')").fetchone()[2]
                for index in self.db.execute(f"PRAGMA index_list('{table}')").fetchall()
            }
            for key in self.db.execute(f"PRAGMA foreign_key_list('{table}')").fetchall():
                with self.subTest(table=table, column=key[3]):
                    self.assertIn(key[3], leading)


if __name__ == "__main__":
    unittest.main()
