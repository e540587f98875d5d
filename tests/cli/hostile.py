"""Manifests that nobody should send: the generator of `test_hostile.py`. Seeded, so that a failure can be seen again."""

# ruff: noqa: E501 - a table reads best with a case a line
from __future__ import annotations

import random
import re
from collections.abc import Iterator

HEAD = "apiVersion: alai.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
STEERING = "\x1b\x07\x00\x08\x9b\x85\u202e\u2066\u200b\ufeff\u2028"
"""what a terminal or a reader's eye would obey"""


def task(name: str = "x", spec: str = "  title: X\n", head: str = HEAD, kind: str = "Task") -> str:
    return head.format(kind=kind, name=name) + spec


def broken() -> dict[str, bytes]:
    """File name -> content. Each holds at least one fault of its own."""
    found: dict[str, bytes] = {}
    for sort in (_yaml, _bytes, _names, _shapes, _references, _patterns):
        for name, content in sort():
            assert name not in found
            found[name] = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return found


def _yaml() -> Iterator[tuple[str, str]]:
    """What YAML can do to a reader."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    yield "bomb-list", bomb
    yield (
        "bomb-map",
        "a: &a {k: v}\n"
        + "".join(
            f"m{i}: &m{i} {{l: *{'a' if i == 0 else f'm{i - 1}'}, r: *{'a' if i == 0 else f'm{i - 1}'}}}\n"
            for i in range(40)
        ),
    )
    yield (
        "bomb-in-spec",
        task(
            spec="  title: X\n  description: &d [" + "y, " * 900 + "y]\n" + "".join(f"  k{i}: *d\n" for i in range(40))
        ),
    )
    yield "alias-cycle", task(spec="  title: X\n  labels: &l {a: *l}\n")
    yield "alias-dangling", task(spec="  title: *nowhere\n")
    yield "alias-of-the-document-before", "--- &a\nx: 1\n---\nb: *a\n"
    yield "anchor-as-key", "&k kind: Task\n*k : Task\n"
    for depth in (65, 1_000, 100_000):
        yield f"flow-list-{depth}", "a: " + "[" * depth + "]" * depth
        yield f"flow-map-{depth}", "{a: " * depth + "1" + "}" * depth
        yield f"open-list-{depth}", "[" * depth
    yield "block-deep", "".join(" " * at + f"k{at}:\n" for at in range(900))
    yield "sequence-deep", "- " * 5_000 + "x"
    yield "explicit-keys-deep", "? " * 5_000 + "x"
    yield "merge", task(spec="  <<: {title: X}\n")
    yield "merge-alias", "base: &b {title: X}\n<<: *b\n"
    yield "merge-list", task(spec="  <<: [{title: X}, {title: Y}]\n")
    for at, tag in enumerate(
        (
            "!!python/object/apply:os.system [id]",
            "!!python/name:os.system x",
            "!include /etc/passwd",
            "!!binary aGk=",
            "!!set {a}",
            "!!omap [a: 1]",
            "!!timestamp 2020-01-01",
            "!<tag:yaml.org,2002:merge> x",
            "!!int x",
            "!!bool 1",
            "!env HOME",
            "!!null x",
            "!\u202etag x",
        )
    ):
        yield f"tag-{at}", task(spec=f"  title: {tag}\n")
    yield "tag-on-map", "--- !!python/object:os.System\n" + task()
    yield "tag-directive", "%TAG ! tag:evil.example,2000:\n---\n" + task()
    yield "yaml-1.1", "%YAML 1.1\n---\n" + task()
    yield "yaml-9", "%YAML 9.9\n---\n" + task()
    yield "directive-twice", "%YAML 1.2\n%YAML 1.2\n---\n" + task()
    yield "twice-kind", task() + "kind: Goal\n"
    yield "twice-spec", task() + "spec: {title: Y}\n"
    yield "twice-deep", task(spec="  title: X\n  budget: {usd: 1, usd: 2}\n")
    yield "twice-quoted", task(spec='  title: X\n  "title": Y\n')
    yield "twice-escaped", task(spec='  title: X\n  "t\\x69tle": Y\n')
    yield "key-null", task() + "~: x\n"
    yield "key-number", task() + "1: x\n"
    yield "key-bool", task() + "true: x\n"
    yield "key-list", task() + "[a, b]: x\n"
    yield "key-map", task() + "{a: b}: x\n"
    yield "tab-indent", task(spec="\ttitle: X\n")
    yield "tab-then-space", task(spec=" \t title: X\n")
    yield "unclosed-quote", task(spec='  title: "X\n')
    yield "unclosed-flow", task(spec="  title: X\n  labels: {a: b\n")
    yield "colon", task(spec="  title: a: b: c\n")
    yield "at", task(spec="  title: @x\n")
    yield "backtick", task(spec="  title: `id`\n")
    yield "percent", task(spec="  title: %x\n")
    yield "bad-escape", task(spec='  title: "\\q"\n')
    yield "surrogate-escape", task(spec='  title: "\\ud800"\n')
    yield "huge-escape", task(spec='  title: "\\UFFFFFFFF"\n')
    yield "outdented", task(spec="    title: X\n   priority: H\n")
    yield "block-header", task(spec="  title: |99\n   x\n")
    yield "document-end-garbage", task() + "... garbage\n"
    yield "list", "- a\n- b\n"
    yield "scalar", "just words\n"
    yield "number", "42\n"
    yield "quoted", '"x"\n'
    yield "empty-map", "{}\n"
    yield "empty-list", "[]\n"
    yield "second-document-bad", task(name="fine-but-alone") + "---\nkind: [\n"
    yield "thousands-of-documents", "".join(f"---\nkind: Task{at}\n" for at in range(2_000))
    yield "thousands-of-scalars", "---\nx\n" * 5_000
    yield "thousands-of-keys", task(spec="  title: X\n" + "".join(f"  k{at}: {at}\n" for at in range(20_000)))
    yield "thousands-of-keys-twice", "a: 1\n" * 20_000
    yield "long-key", task(spec=f"  title: X\n  {'k' * 200_000}: 1\n")
    yield "long-list", task(spec="  title: X\n  dependsOn: [" + "a, " * 20_000 + "a]\n")


def _bytes() -> Iterator[tuple[str, bytes | str]]:
    """What a file can be instead of UTF-8 text."""
    yield "utf-16", task().encode("utf-16")
    yield "utf-16-be", task().encode("utf-16-be")
    yield "utf-32", task().encode("utf-32")
    yield "utf-7", b"+ADw-: x\n"
    yield "latin-1", task(spec="  title: Gr\xfc\xdfe\n").encode("latin-1")
    yield "bom", b"\xef\xbb\xbf" + task().encode()
    yield "bom-inside", task(spec="  title: a\ufeffb\n")
    yield "overlong", b"a: \xc0\x80\n"
    yield "cesu", b"a: \xed\xa0\x80\n"
    yield "truncated-character", b"a: \xe2\x82"
    yield "only-nul", b"\0" * 100
    yield "nul-inside", task(spec="  title: a\0b\n")
    yield "gzip", bytes.fromhex("1f8b0800000000000003") + bytes(range(256))
    yield "all-bytes", bytes(range(256))
    yield "elf", b"\x7fELF" + bytes(400)
    yield "lone-cr", task().replace("\n", "\r")
    yield "crlf-mixed", task(spec="  title: X\r\n  priority: H\r  type: x\n")
    yield "huge", b"# " + b"x" * (3 << 20)
    yield "huge-line", task(spec="  title: " + "x" * (1 << 20) + "\n")
    yield "just-over", b"#" * ((1 << 20) + 1)
    for at, character in enumerate(STEERING):
        yield f"steering-key-{at}", task(spec=f'  title: X\n  "ti{character}tle": Y\n')
        yield (
            f"steering-kind-{at}",
            f'apiVersion: alai.dev/v1\nkind: "Ta{character}sk"\nmetadata: {{name: x}}\nspec: {{title: X}}\n',
        )
        code = f"\\U{ord(character):08x}"
        yield f"escaped-key-{at}", task(spec=f'  title: X\n  "ti{code}tle": Y\n')
        yield f"escaped-name-{at}", task(name=f'"a{code}b"')
        yield f"escaped-api-{at}", f'apiVersion: "alai{code}"\nkind: Task\nmetadata: {{name: x}}\nspec: {{title: X}}\n'


def _names() -> Iterator[tuple[str, str]]:
    names = (
        "..",
        "../x",
        "a/b",
        "/etc/passwd",
        "A",
        "Upper",
        "a" * 64,
        "a" * 100_000,
        "-a",
        "a-",
        "a_b",
        "a.b",
        '""',
        '" "',
        "a\\b",
        "con:",
        "~",
        "null",
        "1e5",
        "007",
        "true",
        "ä",
        "'a\u200bb'",
        '"a\\nb"',
        "$(id)",
        '"${HOME}"',
        "[a]",
        "{a: b}",
    )
    for at, name in enumerate(names):
        yield f"name-{at}", task(name=name)
        yield (
            f"goal-task-name-{at}",
            task(name=f"g{at}", kind="Goal", spec=f"  title: G\n  tasks:\n    - {{name: {name}, title: T}}\n"),
        )
    yield (
        "name-too-long-together",
        task(name="g" * 60, kind="Goal", spec="  title: G\n  tasks: [{name: abcd, title: T}]\n"),
    )
    yield (
        "goal-tasks-twice",
        task(name="gg", kind="Goal", spec="  title: G\n  tasks: [{name: a, title: T}, {name: a, title: T}]\n"),
    )
    yield (
        "label-key",
        "apiVersion: alai.dev/v1\nkind: Task\nmetadata: {name: lk, labels: {'../x': y}}\nspec: {title: X}\n",
    )
    yield (
        "label-value",
        "apiVersion: alai.dev/v1\nkind: Task\nmetadata: {name: lv, labels: {x: [y]}}\nspec: {title: X}\n",
    )
    yield "no-metadata", "apiVersion: alai.dev/v1\nkind: Task\nspec: {title: X}\n"
    yield "metadata-list", "apiVersion: alai.dev/v1\nkind: Task\nmetadata: []\nspec: {title: X}\n"
    yield "metadata-text", "apiVersion: alai.dev/v1\nkind: Task\nmetadata: x\nspec: {title: X}\n"
    yield "no-spec", "apiVersion: alai.dev/v1\nkind: Task\nmetadata: {name: x}\n"
    yield "spec-list", "apiVersion: alai.dev/v1\nkind: Task\nmetadata: {name: x}\nspec: [title]\n"
    yield "kind-list", "apiVersion: alai.dev/v1\nkind: [Task]\nmetadata: {name: x}\nspec: {title: X}\n"
    yield "kind-unknown", task(kind="Tusk")
    yield "kind-dunder", task(kind="__class__")
    yield "kind-path", task(kind="../Task")
    yield "api-old", task().replace("v1", "v0")


WRONG = (
    "1",
    "1.5",
    "true",
    "null",
    "[]",
    "{}",
    "[1]",
    "{a: 1}",
    "[[x]]",
    "'\u202e'",
    "1e999",
    ".nan",
    "99999999999999999999999",
    "-1",
    "''",
)
KEYS = {
    "Task": (
        "title",
        "description",
        "goal",
        "priority",
        "pipeline",
        "stage",
        "product",
        "domain",
        "complexity",
        "acceptance",
        "dependsOn",
        "paths",
        "budget",
        "suspend",
        "origin",
    ),
    "Goal": ("title", "tasks", "deploy", "docs", "followUps", "deliver", "product"),
    "Pipeline": ("stages", "mergeAfter", "maxRejections"),
    "Company": ("title", "agents", "soul"),
    "Agent": ("company", "role", "paths", "writes", "prompt"),
    "Blueprint": ("phases", "gates", "checks", "extends"),
    "Fleet": ("hosts", "tiers"),
    "Routing": ("rules", "default"),
    "Policy": ("productRoots", "human", "retry", "limits", "gates", "sandbox", "signatures"),
}
DEEP = {
    "Task": ("acceptance: [{id: [], text: x}]", "acceptance: [{id: a}]", "acceptance: [x]", "budget: {usd: -1}", "budget: {wall: 5 parsecs}", "paths: {allow: x}", "paths: {allow: [1]}", "paths: {alow: []}", "product: {repository: [x]}", "product: {branch: main}", "docs: [legal, 3]", "priority: X", "complexity: 6", "complexity: 0", "complexity: '3'", "dependsOn: [[a]]", "suspend: 'yes'", "suspend: no", "product: {repository: 'ext::sh -c id'}", "product: {repository: 'file:///etc'}", "product: {repository: '--upload-pack=id', branch: main}", "product: {repository: x, branch: '--orphan'}", "product: {repository: x, branch: 'a..b'}", "product: {repository: x, branch: 'a b'}", "product: {repository: \"a\\nb\"}", "goal: ../x", "company: 'a/b'"),
    "Goal": ("tasks: [[]]", "tasks: [{}]", "tasks: [{name: a, title: {}}]", "tasks: {a: b}", "docs: {legal: true}", "deliver: maybe", "followUps: never", "budget: {usd: {usd: {usd: 1}}}"),
    "Pipeline": ("stages: [{}]", "stages: [{name: {}}]", "stages: [x]", "maxRejections: many"),
    "Blueprint": ("phases: [{}]", "phases: [{name: a, role: b, run: {command: x}}]", "phases: [{name: a, role: b, run: {template: 1}}]", "phases: [{name: a, role: b, agent: {prompt: []}}]", "checks: [{id: '../x', title: t, check: 'true'}]", "gates: [{id: 'a/b', text: t, check: 'true'}]", "phases: [{name: a, role: b, run: {template: ../../etc}}]"),
    "Fleet": ("hosts: [{}]", "hosts: [{name: a, kind: b, capacity: many}]", "hosts: [{name: a, kind: ollama, url: [x]}]", "tiers: [{tier: 99, chain: []}]", "tiers: [{tier: one}]"),
    "Routing": ("rules: [{}]", "rules: [{id: a, any: x}]", "rules: [{id: [], any: [x]}]", "default: []"),
    "Policy": ("retry: {attempts: some}", "retry: {backoff: soon}", "human: [{}]", "human: [{id: a, any: [1]}]", "limits: {memory: lots}", "gates: {secrets: '('}", "sandbox: never", "productRoots: [1]"),
    "Agent": ("paths: {allow: {}}", "writes: maybe", "role: []"),
    "Company": ("agents: [a]", "agents: {a: [b]}", "soul: ../../../etc/passwd"),
}  # fmt: skip


def _shapes() -> Iterator[tuple[str, str]]:
    """A value of the wrong type at every place, and keys that nobody knows."""
    for kind, keys in KEYS.items():
        for at, key in enumerate(keys):
            value = WRONG[(at * 7 + len(kind)) % len(WRONG)]
            yield f"wrong-{kind}-{key}", task(name=f"w{at}", kind=kind, spec=f"  {key}: {value}\n  noSuchKeyAtAll: 1\n")
        yield f"unknown-{kind}", task(name="u", kind=kind, spec="  titel: X\n  \u202enope: 1\n")
        yield f"spec-null-{kind}", task(name="u", kind=kind, spec="  ~\n")
    for kind, lines in DEEP.items():
        title = "  title: X\n" if kind in ("Task", "Goal") else ""
        for at, line in enumerate(lines):
            yield f"deep-{kind}-{at}", task(name=f"d{at}", kind=kind, spec=f"{title}  {line}\n")
    for at, number in enumerate(
        ("1" + "0" * 5_000, "0x" + "f" * 5_000, "1e400", "-.inf", "1" + "0" * 30 + ".5e-9999999", "0o" + "7" * 5_000)
    ):
        yield f"number-{at}", task(name=f"n{at}", spec=f"  title: X\n  complexity: {number}\n")


def _references() -> Iterator[tuple[str, str]]:
    """What only shows once everything was read."""
    yield "dangling", task(name="dangling", spec="  title: X\n  dependsOn: [nobody]\n")
    yield "dangling-goal", task(name="dangling-goal", spec="  title: X\n  goal: nowhere\n")
    yield "dangling-company", task(name="dangling-company", spec="  title: X\n  company: nobody\n")
    yield "dangling-pipeline", task(name="dangling-pipeline", spec="  title: X\n  pipeline: none\n")
    yield "self", task(name="self", spec="  title: X\n  dependsOn: [self]\n")
    yield (
        "cycle-a",
        task(name="cycle-a", spec="  title: X\n  dependsOn: [cycle-b]\n")
        + "---\n"
        + task(name="cycle-b", spec="  title: X\n  dependsOn: [cycle-a]\n"),
    )
    size = 800
    yield (
        "cycle-long",
        "---\n".join(
            task(name=f"long-{at}", spec=f"  title: X\n  dependsOn: [long-{(at + 1) % size}]\n") for at in range(size)
        ),
    )
    yield "duplicate", task(name="duplicate") + "---\n" + task(name="duplicate")
    yield "blueprint-extends-itself", task(name="ouroboros", kind="Blueprint", spec="  extends: ouroboros\n")


def _patterns() -> Iterator[tuple[str, str]]:
    for at, pattern in enumerate(("(", "[a", "*", "(?P<a", "\\", "a{99999999999}", "(?<=a*)b")):
        yield (
            f"regexp-{at}",
            task(
                name=f"r{at}", kind="Policy", spec=f"  gates: {{secrets: ['{pattern}'], placeholders: ['{pattern}']}}\n"
            ),
        )


def mutated(text: str, seed: int) -> tuple[str, bytes]:
    """A good file with one thing done to it: what was done, and the result."""
    chance = random.Random(seed)
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    what = chance.choice(("delete", "double", "swap", "bytes", "cut", "rename", "steer", "indent"))
    if what == "delete":
        del lines[at]
    elif what == "double":
        lines.insert(at, lines[at])
    elif what == "swap":
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif what == "indent":
        lines[at] = " " + lines[at]
    elif what == "rename":
        keys = [number for number, line in enumerate(lines) if re.match(r"(  )?[a-zA-Z]+:( |$)", line)]
        lines[chance.choice(keys)] = f"zzz{chance.randrange(99)}: 1\n"
    data = "".join(lines).encode()
    if what in ("bytes", "steer"):
        place = chance.randrange(len(data))
        extra = bytes([chance.randrange(0x80, 0xC0)]) if what == "bytes" else b"\x1b[31m"
        data = data[:place] + extra + data[place:]
    elif what == "cut":
        data = data[: chance.randrange(len(data))]
    return what, data
