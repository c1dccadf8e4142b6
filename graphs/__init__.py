"""LangGraph graphs, one folder each, and the threads they run on."""
