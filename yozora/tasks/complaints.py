"""What pydantic found wrong with a request, in a line."""

from typing import Any

from pydantic import ValidationError


def complaint(error: ValidationError) -> str:
    """All that is wrong, one thing behind the other."""
    return "; ".join(_plain(one) for one in error.errors())


def _plain(error: Any) -> str:
    """One thing: which option, what is wrong; our own messages say the former themselves."""
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return message
    name = "--" + str(error["loc"][0]).rstrip("_") + ": " if error["loc"] else ""
    return f"{name}{message} (got {error['input']!r})"
