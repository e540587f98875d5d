"""The API limits how often one client may ask, before anything expensive happens."""

import re
import unittest
from pathlib import Path

from tests import kotlin

GRADLE = Path(__file__).resolve().parent.parent / "api" / "build.gradle.kts"


class RateLimitTest(unittest.TestCase):
    def test_the_plugin_is_a_dependency(self) -> None:
        self.assertIn('implementation("io.ktor:ktor-server-rate-limit")', GRADLE.read_text(encoding="utf-8"))

    def test_the_limit_holds_for_every_route(self) -> None:
        code = kotlin.sources()["no/bento/plugins/RateLimit.kt"]
        self.assertRegex(code, r"install\(RateLimit\) \{\s+global \{\s+rateLimiter\(limit = REQUESTS_PER_MINUTE,")

    def test_the_limit_is_neither_nothing_nor_everything(self) -> None:
        limit = re.search(r"REQUESTS_PER_MINUTE = (\d+)", kotlin.sources()["no/bento/plugins/RateLimit.kt"])
        self.assertIsNotNone(limit)
        self.assertIn(int(limit[1]) if limit else 0, range(10, 1001))

    def test_it_counts_by_client_and_not_by_proxy(self) -> None:
        code = kotlin.sources()["no/bento/plugins/RateLimit.kt"]
        self.assertIn("useLastProxy()", code)
        self.assertIn("call.request.origin.remoteHost", code)

    def test_it_stands_before_the_routes(self) -> None:
        calls = re.findall(r"^    (configure\w+)\(\)$", kotlin.sources()["no/bento/Application.kt"], re.MULTILINE)
        self.assertLess(calls.index("configureRateLimit"), calls.index("configureRouting"))


if __name__ == "__main__":
    unittest.main()
