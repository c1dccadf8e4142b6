"""Speech providers: one file each, self-registering."""
