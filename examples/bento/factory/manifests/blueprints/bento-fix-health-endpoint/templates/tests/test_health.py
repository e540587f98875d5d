"""The API can be asked whether it answers, without a token and without a version in the path."""

import unittest

from tests import kotlin


class HealthTest(unittest.TestCase):
    def test_health_is_served_and_described(self) -> None:
        self.assertIn(("get", "/health"), kotlin.routes())
        self.assertIn(("get", "/health"), kotlin.described())

    def test_an_answer_is_never_cached(self) -> None:
        self.assertIn('header(HttpHeaders.CacheControl, "no-store")', kotlin.sources()["no/bento/plugins/Health.kt"])

    def test_the_database_is_not_asked(self) -> None:
        self.assertNotIn("DataSource", kotlin.code_only(kotlin.sources()["no/bento/plugins/Health.kt"]))


if __name__ == "__main__":
    unittest.main()
