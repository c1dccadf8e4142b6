"""Amounts as Indians say them, right or silent: `parse_amount`."""

from graphs.eligibility.amounts.reading import Amount, UnclearAmount, parse_amount

__all__ = ["Amount", "UnclearAmount", "parse_amount"]
