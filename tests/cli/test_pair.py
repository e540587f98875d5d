"""Risky work through the command line: verified, sent by hand, refused without a verifier, allowed to cost more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.factory import TinyFactory

PIPELINE = """
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages:
    - {name: BUILD}
    - {name: VERIFY, title: "Verify: {title}", when: risky, independent: true, blueprint: review, readOnly: true}
    - {name: REVIEW, title: "Review: {title}", blueprint: review, readOnly: true}
  mergeAfter: REVIEW
"""


def paired(factory: TinyFactory, **pair: Any) -> TinyFactory:
    """Payments are risky in this factory."""
    factory.write("manifests/pipeline.yaml", PIPELINE)
    policy = yaml.safe_load((factory.root / "manifests" / "policy.yaml").read_text())
    policy["spec"]["pair"] = {"risky": [{"id": "money", "any": ["payment"]}], **pair}
    factory.write("manifests/policy.yaml", yaml.safe_dump(policy))
    return factory


def evidence(factory: TinyFactory, name: str) -> list[dict[str, Any]]:
    found = sorted((factory.root / "evidence" / "_" / name).glob("*/evidence.json"))
    return [json.loads(path.read_text()) for path in found]


def test_risky_work_goes_through_its_verifier_and_the_metrics_tell_what_that_was_worth(factory: TinyFactory) -> None:
    paired(factory, send="auto")
    factory.task("pay", "Take a payment")
    factory.task("bad", "Take a BLOCKER payment")
    factory.task("plain", "Paint it")
    factory.commit()
    factory.ok("apply")
    tasks = factory.tasks()
    assert {name for name in tasks if "verify" in name} == {
        *("pay-verify", "pay-verify-review", "bad-verify", "bad-verify-rework"),
        *("bad-verify-rework-verify", "bad-verify-rework-verify-review"),
    }
    assert tasks["bad-verify"]["phase"] == "rejected"
    (built,), (verified,), (reviewed,) = (
        evidence(factory, name) for name in ("pay", "pay-verify", "pay-verify-review")
    )
    assert built["thread"] == verified["thread"]
    assert str(built["thread"]).startswith("pair-")
    assert reviewed["thread"] is None
    assert evidence(factory, "plain")[0]["thread"] is None
    found = factory.json("metrics", "verifier")
    assert found["totals"] == {
        "verifications": 3,
        "passed": 2,
        "rejected": 1,
        "rework_avoided": 1,
        "timeouts": 0,
        "false_passes": 0,
        "cost_usd": 0.0,
        "costs_unknown": 0,
    }
    rows = {row["verifier"]: row for row in found["verifications"]}
    assert rows["bad-verify"]["task"] == "bad"
    assert rows["bad-verify"]["rework_avoided"]
    assert rows["pay-verify"]["thread"] == built["thread"]
    assert all((factory.root / row["evidence"] / "evidence.json").exists() for row in rows.values())
    text = factory.ok("metrics", "verifier")
    assert "Total: 3 verifications, 2 passed, 1 rejected, 1 reworks avoided, 0 timeouts, 0 false passes" in text
    factory.ok("diff")


def test_a_pass_that_a_later_stage_takes_back_is_counted_as_false(factory: TinyFactory) -> None:
    paired(factory, send="auto")
    factory.task("stubborn", "Take a STUBBORN payment")
    factory.commit()
    factory.ok("apply", code=4)
    totals = factory.json("metrics", "verifier")["totals"]
    assert totals["false_passes"] >= 1
    assert totals["rework_avoided"] == 0


def test_a_verifier_that_a_person_sends_waits_for_that_and_says_how(factory: TinyFactory) -> None:
    paired(factory)
    factory.task("pay", "Take a payment")
    factory.commit()
    factory.ok("apply", code=4)
    assert factory.tasks()["pay-verify"]["phase"] == "suspended"
    assert "alai-reconcile resume Task/pay-verify" in factory.ok("explain", "Task/pay-verify")
    factory.ok("resume", "Task/pay-verify")
    factory.ok("apply")
    assert factory.show("pay-verify-review")["phase"] == "done"


def test_done_and_answers_are_refused_without_a_verifiers_pass(factory: TinyFactory) -> None:
    paired(factory, send="auto")
    factory.task("pay", "Take a payment FAILS", acceptance=[{"id": "a", "text": "a", "check": "true"}])
    factory.commit()
    factory.ok("apply", code=4)
    refused = factory.cli("done", "pay", "--reason", "by hand")
    assert (refused.returncode, "VerifierMissing" in refused.stderr) == (3, True)
    assert "answer pay --pass" in refused.stderr
    factory.ok("answer", "pay", "--pass", "--reason", "The work is on main.")
    factory.ok("apply")
    assert factory.show("pay-verify")["phase"] == "done"
    factory.edit("manifests/pipeline.yaml", "when: risky, ", "")
    factory.task("other", "Take another payment")
    factory.commit()
    factory.ok("apply", code=4)
    held = factory.show("other")
    assert (held["phase"], held["reason"]) == ("human", "VerifierMissing")
    refused = factory.cli("answer", "other", "--pass", "--reason", "Looks fine.")
    assert (refused.returncode, "VerifierMissing" in refused.stderr) == (3, True)


def test_an_expensive_verification_is_allowed_by_one_commit_of_a_person(factory: TinyFactory) -> None:
    paired(factory, send="auto", usd=3)
    factory.task("pay", "Take a payment")
    factory.commit()
    factory.ok("apply", code=4)
    (waiting,) = factory.json("queue")
    assert (waiting["name"], waiting["reason"]) == ("pay-verify", "ApprovalNeeded")
    assert "resume Task/pay-verify" in waiting["message"]
    before = factory.head
    factory.ok("resume", "Task/pay-verify")
    assert factory.git("rev-parse", "HEAD^") == before
    factory.ok("apply")
    assert factory.show("pay-verify")["phase"] == "done"


def test_a_days_budget_holds_everything_and_says_until_when(factory: TinyFactory, tmp_path: Path) -> None:
    policy = yaml.safe_load((factory.root / "manifests" / "policy.yaml").read_text())
    policy["spec"]["budget"] = {"attempts": 2}
    factory.write("manifests/policy.yaml", yaml.safe_dump(policy))
    factory.task("one", "Do one")
    factory.task("two", "Do two", dependsOn=["one"])
    factory.commit()
    (start, _) = factory.json("diff", code=2)["changes"]
    assert start["after"]["estimate_usd"] == 0.0
    assert factory.json("diff", code=2)["summary"]["estimated_usd"] == 0.0
    assert "Estimated cost: 0.00 USD." in factory.ok("diff", code=2)
    factory.ok("apply", code=4)
    change = next(item for item in factory.json("diff", code=2)["changes"] if item["address"] == "Task/two")
    assert (change["action"], change["reason"]) == ("wait", "BudgetExceeded")
    assert change["due_at"].endswith("T00:00:00Z")
    assert factory.tasks()["two"]["phase"] == "waiting"
    seen = factory.json("status")
    assert (seen["cost_today_usd"], seen["cost_today_unknown"]) == (0.0, 0)
    assert "today 0.00 USD" in factory.ok("status")


def test_attempts_that_come_to_the_same_end_twice_make_no_progress(factory: TinyFactory) -> None:
    factory.task("same", "Write the same again", acceptance=[{"id": "never", "text": "never so", "check": "false"}])
    factory.commit()
    factory.ok("apply", code=4)
    said = evidence(factory, "same")
    assert [item["reason"] for item in said] == ["GateFailed", "NoProgress", "NoProgress"]
    assert "attempt 1 left the same product and failed the same gates" in said[1]["message"]
