"""What is found out of a conversation that is over: summary, goals, facts; nothing is guessed."""
