"""What is done after the transaction that asked for it: deliveries, analyses, campaigns, calls."""
