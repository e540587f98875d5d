"""What is deployed is built, configured and watched as the documentation says."""

import contextlib
import http.server
import importlib.util
import io
import json
import re
import threading
import unittest
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def healthcheck() -> ModuleType:
    spec = importlib.util.spec_from_file_location("healthcheck", DEPLOY / "monitoring" / "healthcheck.py")
    if spec is None or spec.loader is None:
        raise ImportError("healthcheck.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Answers(http.server.BaseHTTPRequestHandler):
    """200 for /health, 503 for everything else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class ImagesTest(unittest.TestCase):
    def test_images_are_pinned_unprivileged_and_say_how_they_are(self) -> None:
        for part in ("api", "frontend"):
            dockerfile = text(f"{part}/Dockerfile")
            with self.subTest(part=part):
                for image in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE):
                    self.assertRegex(image, r":\d+\.\d+")
                self.assertRegex(dockerfile, r"(?m)^USER (?!root)")
                self.assertIn("HEALTHCHECK", dockerfile)

    def test_the_api_image_asks_an_endpoint_that_exists(self) -> None:
        asked = re.search(r"http://127\.0\.0\.1:8080(/[\w/]+)", text("api/Dockerfile"))
        described = [json.loads(path.read_text(encoding="utf-8"))["paths"] for path in (ROOT / "api/openapi").glob("*.json")]
        self.assertIsNotNone(asked)
        self.assertTrue(any(asked[1] in paths for paths in described) if asked else False)


class PipelineTest(unittest.TestCase):
    def test_images_are_built_only_after_every_check(self) -> None:
        workflow = text(".github/workflows/ci.yml")
        jobs = set(re.findall(r"^  (\w+):\n    (?:needs|runs-on)", workflow, re.MULTILINE))
        needed = re.search(r"^    needs: \[(.*)\]$", workflow, re.MULTILINE)
        self.assertEqual(jobs, {"contracts", "web", "api", "images"})
        self.assertEqual(set(needed[1].split(", ")) if needed else set(), jobs - {"images"})

    def test_the_pipeline_may_read_and_no_more_unless_it_says_so(self) -> None:
        self.assertRegex(text(".github/workflows/ci.yml"), r"(?m)^permissions:\n  contents: read$")

    def test_no_job_runs_for_ever(self) -> None:
        workflow = text(".github/workflows/ci.yml")
        self.assertEqual(workflow.count("runs-on:"), workflow.count("timeout-minutes:"))


class StagingTest(unittest.TestCase):
    def test_every_setting_is_explained_and_none_is_left_over(self) -> None:
        wanted = set(re.findall(r"\$\{([A-Z_]+)", text("deploy/staging/compose.yaml")))
        self.assertEqual(wanted, set(re.findall(r"(?m)^([A-Z_]+)=", text("deploy/staging/env.example"))))

    def test_no_secret_is_written_down(self) -> None:
        for name, value in re.findall(r"(?m)^([A-Z_]+)=(.*)$", text("deploy/staging/env.example")):
            if re.search(r"PASSWORD|SECRET", name):
                with self.subTest(name=name):
                    self.assertEqual(value, "")

    def test_only_the_web_app_is_reachable_and_only_from_the_host(self) -> None:
        self.assertEqual(re.findall(r'(?m)^      - "(\S+:\d+)"$', text("deploy/staging/compose.yaml")), ["127.0.0.1:3000:3000"])


class HealthcheckTest(unittest.TestCase):
    def setUp(self) -> None:
        try:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        except OSError as error:
            self.skipTest(f"no loopback here: {error}")
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def ask(self, *urls: str) -> tuple[int, list[dict[str, object]]]:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = healthcheck().main(urls)
        return code, [json.loads(line) for line in output.getvalue().splitlines()]

    def test_all_well_is_exit_code_0(self) -> None:
        code, reports = self.ask(f"{self.address}/health")
        self.assertEqual((code, reports[0]["ok"], reports[0]["status"]), (0, True, 200))

    def test_one_that_is_not_well_is_exit_code_1_and_named(self) -> None:
        code, reports = self.ask(f"{self.address}/health", f"{self.address}/broken")
        self.assertEqual(code, 1)
        self.assertEqual([(report["ok"], report["status"]) for report in reports], [(True, 200), (False, 503)])

    def test_nobody_there_is_a_report_and_not_a_crash(self) -> None:
        code, reports = self.ask("http://127.0.0.1:1/health")
        self.assertEqual((code, reports[0]["status"]), (1, None))
        self.assertTrue(reports[0]["problem"])


if __name__ == "__main__":
    unittest.main()
