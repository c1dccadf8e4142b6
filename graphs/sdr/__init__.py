"""The SDR conversation: a sales call with retrieval, tools and grounding after the model."""
