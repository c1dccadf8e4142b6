"""What graphs act with."""
