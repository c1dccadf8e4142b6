"""`python -m server.cli` is `dialgraph`."""

from server.cli import app

app()
