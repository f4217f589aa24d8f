"""What a command of any module does with what a user got wrong: one line and exit code 2; an interrupt ends it with 130."""

import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import typer
from pydantic import ValidationError

from yozora.room import is_out_of_memory
from yozora.tasks.complaints import complaint

SHORT = "the memory does not suffice; close other programs, or ask for less: a smaller size, fewer seconds, another recipe"
LOST = ("CUDA error", "cuDNN error", "CUBLAS_STATUS", "No CUDA GPUs are available")  # what a library says whose card has failed
INTERRUPTED = 130  # what typer returns for a KeyboardInterrupt: 128 and the number of SIGINT


def run(command: typer.Typer | Callable[..., None]) -> None:
    """Run a command line, or a function as one, and exit; user errors end with one line and exit code 2, an interrupt with 130."""
    app = command if isinstance(command, typer.Typer) else alone(command)
    warnings.showwarning = lambda message, *_, **__: print(f"yozora: warning: {message}", file=sys.stderr)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except ValidationError as error:
        _fail(complaint(error))
    except (ValueError, OSError, FloatingPointError) as error:
        _fail(str(error))
    except Exception as error:
        if is_out_of_memory(error):
            _fail(str(error) if type(error) is MemoryError and error.args else SHORT)  # ours says more than that of a library
        if _is_lost_card(error):
            first = str(error).partition("\n")[0]
            _fail(f"the card failed ({first}); run the same command again: a training goes on from its last state")
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message().replace(": Value error, ", ": "))  # a usage error that the command line itself found, by pydantic
    if code == INTERRUPTED:
        print("yozora: interrupted, no unfinished file was left", file=sys.stderr)
    sys.exit(code)


def alone(function: Callable[..., None]) -> typer.Typer:
    """A command line of one command."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(function)
    return app


def check_folder(out: Path) -> None:
    """Raise ValueError with the remedy where a folder, the --out of a command, cannot be made or written; nothing is left of the trial."""
    there = next(path for path in (out, *out.absolute().parents) if os.path.exists(path))
    try:
        with tempfile.TemporaryDirectory(dir=there) as folder, tempfile.TemporaryFile(dir=folder):
            pass
    except NotADirectoryError as error:
        raise ValueError(f"{out} cannot be a folder, because a file is in its place; name another in --out") from error
    except OSError as error:
        raise ValueError(f"{out} cannot be written ({error.strerror}); name another folder in --out") from error


def _is_lost_card(error: Exception) -> bool:
    """Whether a GPU failed or was taken away; torch has a class for that, but its libraries do not use it."""
    torch = sys.modules.get("torch")
    failed = torch is not None and isinstance(error, torch.AcceleratorError)
    return failed or (isinstance(error, RuntimeError) and any(words in str(error) for words in LOST))


def _fail(message: str) -> None:
    print(f"yozora: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
