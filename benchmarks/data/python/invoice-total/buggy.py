"""Sums on an invoice, in cents."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    quantity: int
    unit_price: int


def subtotal(lines: list[Line]) -> int:
    return sum(line.quantity * line.unit_price for line in lines)


def total(lines: list[Line], discount_percent: int, tax_percent: int) -> int:
    """What the customer pays: the discount is taken off first, the tax is added to what is left.

    Both are rounded down to whole cents.
    """
    before = subtotal(lines)
    discount = before * discount_percent // 100
    net = before - discount
    tax = before * tax_percent // 100
    return net + tax
