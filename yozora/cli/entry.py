"""All commands together, and what a user sees when one fails."""

import signal
import sys
import warnings

import typer
from pydantic import ValidationError

from yozora.cli import captions, evaluating, tasks, training, world
from yozora.tasks.complaints import complaint

INTERRUPTED = 130  # what typer returns for a KeyboardInterrupt: 128 and the number of SIGINT

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
app.callback(help="Yozora: words, pictures and videos to video.")(lambda: None)
tasks.add_to(app)
captions.add_to(app)
training.add_to(app)
evaluating.add_to(app)
app.add_typer(world.app, name="world")


def main() -> None:
    """Run the command line; user errors end with one line and exit code 2, an interrupt with 130."""
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
        if _is_out_of_memory(error):
            _fail("the memory does not suffice; ask for a smaller size or fewer seconds, or close other programs")
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message())  # a usage error that the command line itself found
    if code == INTERRUPTED:
        print("yozora: interrupted, no unfinished file was left", file=sys.stderr)
    sys.exit(code)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether Python, numpy or torch found no memory; torch has a class for it on GPUs alone."""
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return isinstance(error, MemoryError) or on_gpu or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))


def _fail(message: str) -> None:
    print(f"yozora: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
