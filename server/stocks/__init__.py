"""What the server does for the stocks: approvals on every way, and the classic form."""
