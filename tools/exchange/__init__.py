"""A local exchange that speaks Alpaca's API: recorded or seeded prices, a virtual clock, faults.

It stands in for Alpaca's paper trading where there is no key and no network, and in the tests. What
it answers is valid against Alpaca's own OpenAPI files. It has a cash account, long positions and
simple orders for stocks; `docs/stocks/exchange.md` says what it leaves out.
"""
