"""Trading: each approved decision is carried out once, or it is known why not."""

from tools.broker.alpaca import AlpacaAccount, NoQuote, Refused, Unsure
from tools.broker.broker import Broker, Report, TradingHalted, WrongAccount

__all__ = [
    "AlpacaAccount",
    "Broker",
    "NoQuote",
    "Refused",
    "Report",
    "TradingHalted",
    "Unsure",
    "WrongAccount",
]
