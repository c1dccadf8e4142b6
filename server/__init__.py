"""The server: composes everything below it."""
