"""Replay: the decisions of the graph on recorded days, filled on the session after."""
