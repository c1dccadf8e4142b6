"""Amounts as Indians say them, right or silent: `parse_amount`."""

from graphs.eligibility.amounts.amount import Amount, UnclearAmount
from graphs.eligibility.amounts.reading import parse_amount

__all__ = ["Amount", "UnclearAmount", "parse_amount"]
