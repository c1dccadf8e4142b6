"""Memory: what was believed, as conditions that are tested later, and what was seen since."""
