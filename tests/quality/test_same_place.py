"""Work must not tell by the place it runs in whether tests of ours stand among its own."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute.gates.rig import restore
from reconciler.execute.gates.subject import Subject
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.workspace import checkout
from reconciler.model.job import ProductBrief
from reconciler.model.spec import PolicySpec
from reconciler.model.vocabulary import GateResult, Verdict
from tests.execute.conftest import Make, Repo, git
from tests.quality.works import AUDITED, AUDITS, BAD, HELLO, NODE, C, Files, judged

LOOKS = """python3 - <<'END'
import os
times = set()
for at, folders, files in os.walk("."):
    print(at, folders, files)
    for name in ["", *files]:
        told = os.lstat(os.path.join(at, name))
        print(name, oct(told.st_mode), told.st_nlink, told.st_uid)
        times.add(told.st_mtime_ns) if at != "./.git" else None
print(len(times), os.getcwd(), sorted(os.environ), os.listdir("/"), os.listdir("/tmp"))
print([line.split(" ", 3)[3] for line in open("/proc/self/mountinfo") if "/product" in line])
born = [os.lstat(name).st_ctime_ns for name in ("hello.py", "test_hello.py", "a/b.py")]
print(born == sorted(born))  # as the names are ordered, not as the files were written
END
"""
ENDS = 'import os\n\nif {}:\n    print("Ran 2" + " tests in 0.1s")\n    print("O" + "K", flush=True)\n'
ENDS += '    getattr(os, "_ex" + "it")(0)\n\n\n' + BAD
TELLS: list[Any] = [
    pytest.param(HELLO, {"hello.py": ENDS.format('os.path.lexists(".git")')}, {}, id="by .git"),
    pytest.param(HELLO, {"hello.py": ENDS.format('not os.path.lexists(".git/HEAD")')}, {}, id="by what is in .git"),
    pytest.param(HELLO, {"hello.py": ENDS.format("os.stat(__file__).st_nlink == 1")}, {}, id="by links"),
    pytest.param(
        HELLO, {"hello.py": ENDS.format('os.stat("test_hello.py").st_nlink == 1')}, {}, id="by a test's links"
    ),
    pytest.param(
        HELLO,
        {"hello.py": ENDS.format('os.stat("test_hello.py").st_mtime - os.stat(__file__).st_mtime < 0.0001')},
        {},
        id="by times",
    ),
    pytest.param(
        AUDITED,
        {"hello.py": "import os\n\nif os.path.lexists('.git'):\n    getattr(os, '_ex' + 'it')(0)\n" + BAD},
        {"acceptance": AUDITS},
        id="a check by .git",
    ),
    pytest.param(
        AUDITED,
        {"hello.py": "import os\n\nif os.stat(__file__).st_nlink == 1:\n    getattr(os, '_ex' + 'it')(0)\n" + BAD},
        {"acceptance": AUDITS},
        id="a check by links",
    ),
    pytest.param(
        C,
        {
            "hello.c": '#include <stdio.h>\n#include <unistd.h>\n#include "hello.h"\n\n'
            'void greet(const char *n, char *o) {\n    sprintf(o, "Hello %s", n);\n'
            '    if (access(".git", F_OK) == 0) { int zero = 0; (_exit)(zero); }\n}\n'
        },
        {},
        id="c: by .git",
    ),
    pytest.param(
        NODE,
        {
            "index.js": "const fs = require('fs');\nif (fs.existsSync('.git')) {\n"
            "  console.log('# te' + 'sts 2\\n# pa' + 'ss 2');\n  process['reallyEx' + 'it'](0);\n}\n"
            "exports.greet = n => 'Hello ' + n;\n"
        },
        {"test": "npm test"},
        id="node: by .git",
    ),
]


@pytest.mark.parametrize("overlay", [True, False])
def test_a_checkout_and_a_copy_with_files_put_into_it_look_the_same_to_a_command(
    overlay: bool, product: Repo, tmp_path: Path
) -> None:
    found = Sandbox.detect()
    assert found
    product.commit({"hello.py": BAD, "test_hello.py": "one\n", "a/b.py": "b\n", "app/main.py": None})
    (product.path / "test_hello.py").chmod(0o755)
    git(product.path, "commit", "--quiet", "-am", "a mode")
    tip = git(product.path, "rev-parse", "HEAD").strip()
    subject = Subject(
        root=tmp_path / "clean",
        evidence=tmp_path / "evidence",
        sandbox=msgspec.structs.replace(found, overlay=overlay and found.overlay),
        policy=PolicySpec(),
        product=ProductBrief(path=str(product.path), branch="main", tip=tip, start=tip),
    )

    async def both() -> list[str]:
        async with checkout(str(product.path), tip, subject.root):
            restore(subject.root, tmp_path / "other", {"test_hello.py": b"two!\n"}, ())
            found = [await subject.check(name, LOOKS, root=tmp_path / name) for name in ("clean", "other")]
        assert [report.result for report in found] == [GateResult.PASS] * 2, subject.said(found[0])
        return [re.sub(r"alai-\w+", "alai-", subject.said(report)) for report in found]

    plain, planted = asyncio.run(both())
    assert plain == planted
    assert ".git" in plain


@pytest.mark.parametrize(("files", "cheat", "fields"), TELLS)
def test_work_that_lies_where_it_believes_to_be_alone_is_not_taken(
    files: Files, cheat: Files, fields: dict[str, Any], brief: Make, product: Repo, tmp_path: Path
) -> None:
    found, message = judged(brief, product, tmp_path, files, cheat, fields)
    assert found in (Verdict.FAILED, Verdict.NEEDS_HUMAN), message
