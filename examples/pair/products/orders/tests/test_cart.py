"""What was known when the service was written: orders of single pieces."""

import unittest

from orders.cart import total


class TotalTest(unittest.TestCase):
    def test_one_piece_costs_its_price(self):
        self.assertEqual(total([("tea", 1, 2500)]), 2500)

    def test_a_discount_is_taken_off(self):
        self.assertEqual(total([("tea", 1, 2500), ("cup", 1, 1000)], discount=500), 3000)


if __name__ == "__main__":
    unittest.main()
