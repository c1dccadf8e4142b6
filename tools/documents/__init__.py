"""Documents of others: what kind each is, and the text of it, read where it can do no harm."""
