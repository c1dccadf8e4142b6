"""Analysts: code that reads prices and fundamentals, and language models."""
