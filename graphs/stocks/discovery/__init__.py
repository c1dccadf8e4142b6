"""What may be worth a look: prices that move and events that happened, each with what is known."""
