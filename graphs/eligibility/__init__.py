"""The eligibility interview: deterministic, explained, provable."""
