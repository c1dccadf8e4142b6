"""Persistence: the checkpointer, the call records, and nothing that knows of graphs or voice."""
