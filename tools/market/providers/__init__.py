"""Market data by provider, a file each; see `tools/market/provider.py`."""
