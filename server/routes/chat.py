"""Chat: `POST /api/chat` as JSON or as an event stream."""

from fastapi import APIRouter

router = APIRouter(prefix="/api", tags=["chat"])
