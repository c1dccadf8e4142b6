"""Market data, each datum with its source and the time from which it could be known."""
