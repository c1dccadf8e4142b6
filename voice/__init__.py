"""Voice: the Pipecat pipeline between a graph and a telephone or a browser."""
