"""A full and a minimal document of every kind."""

from __future__ import annotations

from typing import Any

TASK: dict[str, Any] = {
    "title": "Add rate limiting to the API",
    "description": "Every client.",
    "goal": "bento",
    "priority": "M",
    "pipeline": "standard",
    "stage": "BUILD",
    "product": {"repository": "../products/bento", "branch": "main", "test": "make test"},
    "domain": "backend",
    "type": "feature",
    "complexity": 2,
    "company": "codecraft",
    "blueprint": "one-shot",
    "acceptance": [{"id": "limit", "text": "the 101st request gets 429", "check": "make test"}],
    "dependsOn": ["bento-scaffold"],
    "deploy": False,
    "docs": ["legal", "api"],
    "paths": {"allow": ["app/**"], "forbid": ["infra/**", ".github/"]},
    "budget": {"usd": 1, "wall": "6h", "attempts": 3},
    "suspend": False,
    "from": {
        "task": "bento-scaffold",
        "relation": "finding",
        "attempt": 1,
        "commit": "a" * 40,
        "cycle": 1,
        "findings": [{"id": "no-csp", "title": "No CSP", "severity": "blocker", "fix": {"domain": "frontend"}}],
    },
}

SPECS: list[tuple[str, dict[str, Any]]] = [
    ("Task", {"title": "Something"}),
    ("Task", TASK),
    ("Goal", {"title": "Bento"}),
    (
        "Goal",
        {
            "title": "Bento",
            "description": "Next.js",
            "priority": "H",
            "product": {"repository": "https://example.org/bento.git"},
            "pipeline": "standard",
            "tasks": [{"name": "scaffold", "title": "Scaffold"}, {"name": "auth", "title": "Auth", "complexity": 3}],
            "deploy": True,
            "docs": ["legal"],
            "followUps": "review",
            "deliver": "branch",
            "budget": {"usd": 20.5},
            "suspend": True,
        },
    ),
    (
        "Pipeline",
        {
            "title": "Standard",
            "stages": [
                {"name": "BUILD"},
                {"name": "REVIEW", "title": "[{PRODUCT}] {title}", "readOnly": True, "company": "proveo"},
                {"name": "DOCS", "scope": "goal", "when": "docs", "blueprint": "docs"},
            ],
            "branch": "minion/{task}",
            "mergeAfter": "REVIEW",
            "maxRejections": 2,
        },
    ),
    ("Company", {"title": "CodeCraft"}),
    (
        "Company",
        {
            "title": "CodeCraft",
            "type": "engineering",
            "domain": "backend",
            "stages": ["BUILD"],
            "soul": "souls/CLAUDE.md",
            "agents": {"builder": "codecraft-builder"},
            "skills": ["api-design"],
            "tools": ["write_file"],
            "tier_overrides": {"scaffold": 4, "docs": "ollama:qwen3:8b"},
            "mergedInto": "vizu",
            "note": "x",
        },
    ),
    ("Agent", {}),
    ("Agent", {"title": "B", "company": "codecraft", "role": "builder", "prompt": "Do.", "writes": "nothing"}),
    ("Blueprint", {}),
    (
        "Blueprint",
        {
            "title": "One shot",
            "company": "codecraft",
            "extends": "base",
            "phases": [
                {"name": "files", "run": {"template": "templates/app"}},
                {"name": "test", "role": "validator", "run": {"command": ["make", "test"], "timeout": "5m"}},
                {"name": "look", "run": {"checks": True}},
                {"name": "write", "needs": ["schema"], "agent": {"prompt": "Write", "output": "files"}},
                {
                    "name": "tell",
                    "agent": {"prompt": "Tell", "file": "docs/a.md", "accept": "x+", "maxTokens": 9, "fallback": "x"},
                },
            ],
            "checks": [{"id": "env", "title": "No example", "check": "test -f .env.example", "fix": {"complexity": 1}}],
            "gates": [{"id": "g", "text": "t", "person": True}],
            "skills": ["testing"],
        },
    ),
    ("Fleet", {}),
    (
        "Fleet",
        {
            "hosts": [
                {
                    "name": "FORGE",
                    "kind": "ollama",
                    "url": "http://127.0.0.1:11434",
                    "capacity": 2,
                    "memory": "128GiB",
                    "models": [{"name": "qwen3:8b", "numCtx": 32768, "offers": ["text", "tools"]}],
                }
            ],
            "tiers": [{"tier": 1, "chain": [{"backend": "ollama-tool", "model": "qwen3:8b", "hosts": ["FORGE"]}]}],
        },
    ),
    (
        "Routing",
        {
            "rules": [
                {"id": "fs", "all": [["next.js"], ["ktor", "api"]], "none": ["docs"], "when": {"stage": "BUILD"}},
                {"id": "ui", "any": ["page"], "company": "vizu", "complexity": 2},
            ],
            "default": {"domain": "d", "type": "t", "complexity": 2, "company": "codecraft", "blueprint": "one-shot"},
            "tiers": {"1": 1, "5": 4},
        },
    ),
    ("Policy", {}),
    (
        "Policy",
        {
            "product": {"repository": "../p"},
            "productRoots": ["../products"],
            "sandbox": "preferred",
            "signatures": "none",
            "human": [{"id": "ceo", "any": ["pricing"], "reason": "A person decides prices"}],
            "retry": {"attempts": 3, "backoff": "10s", "maxBackoff": "5m"},
            "limits": {"memory": "2GiB", "outputBytes": 5},
            "gates": {"placeholders": ["TO" + "DO"], "protectedExcept": ["OPS"]},
            "quality": "standard",
            "knowledge": "advisory",
            "escalation": {"GateFailed": 1},
            "pair": {
                "risky": [{"id": "payments", "any": ["payment"], "when": {"priority": ["H"]}}],
                "send": "auto",
                "usd": 0.5,
            },
            "budget": {"usd": 20.5, "wall": "8h"},
            "outside": {
                "skills": ["~/.claude/skills"],
                "environment": ["ALAI_COMPANY"],
                "mcp": [{"server": "tickets", "tools": ["read_*"], "network": True, "egress": ["localhost:5432"]}],
            },
        },
    ),
    ("Language", {"title": "Norwegian", "terms": {"board decision": ["styrevedtak*"], "fix": ["rett*", "fiks"]}}),
    (
        "QualityGate",
        {
            "title": "Standard",
            "threshold": 1,
            "points": [
                {"id": "tests", "proves": "The tests pass.", "severity": "must", "check": "tests"},
                {"id": "types", "proves": "Types hold.", "command": "make types"},
            ],
        },
    ),
]


def manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "alai.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


SAMPLES = [manifest(kind, f"sample-{number}", spec) for number, (kind, spec) in enumerate(SPECS)]
SAMPLES[0]["metadata"] = {"name": "a", "labels": {"product": "bento"}, "annotations": {"alai.dev/cancelled.a": "x"}}
