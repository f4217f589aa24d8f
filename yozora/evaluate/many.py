"""Many cases, one after another or in several processes, each kept as soon as it is finished."""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch
import typer

from yozora.evaluate.report import Row, earlier

Job = Callable[[int], list[Row]]  # the records of the case of a number, each with that number as `case`; it can be sent to a process


def collect(file: Path, digest: str, job: Job, count: int, processes: int) -> list[Row]:
    """The records of the first `count` cases; those that an earlier run left in the file are not made again.

    Raises ValueError where the file has records of another `digest`, and MemoryError where a process was killed: the machine has too
    little memory for so many.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = earlier(file, digest)
    missing = sorted(set(range(count)) - {row["case"] for row in rows})
    began = time.monotonic()
    for done, found in enumerate(_worked(job, missing, processes), 1):
        found = [{"digest": digest, **row} for row in found]
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(found) + "\n")
        rows += found
        left = (time.monotonic() - began) / done * (len(missing) - done)
        typer.echo(f"{done} of {len(missing)} cases, {left / 60:.1f} min left", err=True)
    return sorted((row for row in rows if row["case"] < count), key=lambda row: row["case"])


def _worked(job: Job, numbers: Sequence[int], processes: int) -> Iterator[list[Row]]:
    if processes < 2 or len(numbers) < 2:
        yield from map(job, numbers)
        return
    with workers(processes) as pool:
        try:
            yield from (future.result() for future in as_completed([pool.submit(job, number) for number in numbers]))
        except BrokenProcessPool as error:
            said = f"one of {processes} processes was killed, perhaps for want of memory; finished cases are kept: use fewer --processes"
            raise MemoryError(said) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def workers(processes: int) -> ProcessPoolExecutor:
    """So many processes, each with one thread, that are the same on every platform, and end when this one does, however it ends."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent, "workers are started by another process"
    parent.join()
    os._exit(1)
