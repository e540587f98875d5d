"""The Bento demo under fire: `python -m tests.e2e.kill_demo DIR --kills 40`. Exits 0 where nothing is wrong."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from tests.e2e.kills import Edits, Killer, cli, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delays", type=float, nargs=2, default=(0.2, 9.0), help="seconds between two kills")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    made = cli(Path.cwd(), "init", "--example", "bento", str(folder))
    assert made.returncode == 0, made.stderr
    root, products = folder / "factory", sorted((folder / "products").iterdir())
    edits = [Edits.make(root), *(Edits.make(product, tracked=False) for product in products)]
    killer = Killer(root, arguments.seed, lambda text: print(f"{time.time() - began:7.1f} s  {text}", flush=True))
    began = time.time()
    code = killer.run(arguments.kills, tuple(arguments.delays), limit=3600)
    print(f"{time.time() - began:7.1f} s  apply ended with {code} after {dict(killer.kills)}")
    found = faults(root, products, killer) + [fault for each in edits for fault in each.faults()]
    tasks = json.loads(cli(root, "list", "tasks", "-o", "json").stdout)
    odd = sorted(f"{row['name']}: {row['phase']}" for row in tasks if row["phase"] not in ("done", "rejected"))
    print(f"{len(tasks)} tasks; {len(killer.caught)} executions were caught in flight; not done: {odd or 'none'}")
    for fault in found:
        print(f"FAULT {fault}")
    return 1 if code or found or odd else 0


if __name__ == "__main__":
    raise SystemExit(main())
