"""HTTP routes, one file a system."""
