"""What pydantic found wrong with a request, in a line."""

import reprlib
from typing import Any

from pydantic import ValidationError

PLAINER = {"is_instance_of": "give a file's path or a Video"}  # pydantic's own words name a class of ours
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 100  # letters


def complaint(error: ValidationError) -> str:
    """All that is wrong, one thing behind the other, each once."""
    return "; ".join(dict.fromkeys(_plain(one) for one in error.errors()))


def shown(value: Any) -> str:
    """A value as messages show it: in a line, and what is long only in part."""
    return " ".join(SHORT.repr(value).split())


def _plain(error: Any) -> str:
    """One thing: which option, what is wrong; our own messages say the former themselves."""
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    message = PLAINER.get(error["type"]) or error["msg"]
    name = "--" + str(error["loc"][0]).rstrip("_") + ": " if error["loc"] else ""
    return f"{name}{message} (got {shown(error['input'])})"
