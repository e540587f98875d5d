"""What an order costs. Amounts are whole øre."""


def total(lines, discount=0):
    """The price of all lines, each (name, quantity, price of one), less the discount."""
    return sum(price for _, _, price in lines) - discount
