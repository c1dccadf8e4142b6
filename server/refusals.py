"""What any route may answer but its result, for the description of the API."""

from typing import Any

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body cannot be read, or asks what cannot be done."},
    401: {"description": "No key, or one that is not good."},
    403: {"description": "The key, or who asks, may not do this."},
    404: {"description": "There is nothing of that name."},
    409: {"description": "It is there already, or something else is being done with it."},
    413: {"description": "The body is too large."},
    422: {"description": "What was sent is wrong; `detail` says where and why."},
}
