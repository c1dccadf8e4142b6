"""Embeddings of LangChain that count what they are given, and can be switched off."""

from langchain_core.embeddings import Embeddings


class Counting(Embeddings):
    """Letters counted: similar texts have similar vectors."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reachable = True

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if not self.reachable:
            raise ConnectionError("The model does not answer.")
        self.texts += texts
        return [[float(text.count(letter)) for letter in "abcdefghij"] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


counting = Counting()
