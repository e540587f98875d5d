"""Answers in place of a model that judges: adds no finding of its own to those of the checks before it."""

import json, sys

asked = sys.stdin.read()
seen = "orders/cart.py" in asked
summary = "Looked at the files that were handed in." if seen else "No file of the work was in what was asked."
print(json.dumps({"summary": summary + " The checks before me say the rest.", "findings": []}))
