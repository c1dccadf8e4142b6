"""Carriers: one file each, self-registering."""
