"""Answers in place of a model that writes code: mends what the task names and forgets an edge case.

Once somebody has found that, it mends it too. Reads a prompt, prints the JSON that the prompt's schema asks for.
"""

import json, sys

told = "total-not-negative" in sys.stdin.read()
body = "max(0, sum(quantity * price for _, quantity, price in lines) - discount)"
if not told:
    body = "sum(quantity * price for _, quantity, price in lines) - discount"
cart = f'''"""What an order costs. Amounts are whole øre."""


def total(lines, discount=0):
    """The price of all lines, each (name, quantity, price of one), less the discount."""
    return {body}
'''
test = '''"""Orders of more than one piece."""

import unittest

from orders.cart import total


class QuantityTest(unittest.TestCase):
    def test_every_piece_is_charged(self):
        self.assertEqual(total([("tea", 3, 2500), ("cup", 2, 1000)], discount=500), 9000)
'''
if told:
    test += '''
    def test_no_discount_turns_a_price_into_a_payment(self):
        self.assertEqual(total([("tea", 1, 2500)], discount=9900), 0)
'''
files = {"orders/cart.py": cart, "tests/test_quantity.py": test}
summary = "Multiply each price by its quantity" + (", and never go below zero." if told else ".")
print(json.dumps({"summary": summary, "files": [{"path": p, "content": c} for p, c in files.items()]}))
