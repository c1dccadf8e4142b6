"""Routes of the stocks, one file for each of their parts."""
