"""Models in repositories of Hugging Face: what lies in the cache is used as it is, all else is fetched once, its size said before."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from yozora.text.umt5 import MISSING

NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
WANTED = ("*.json", "*.safetensors", "*.model", "*.txt")  # no pickles, no pictures
PICKLES = (".pth", ".pt", ".ckpt", ".bin")
SPARE = 1 << 30  # bytes of a disk that are left free


def is_repository(name: str) -> bool:
    """Whether a name is that of a repository, `OWNER/NAME` or `OWNER/NAME@REVISION`."""
    return NAME.fullmatch(name) is not None


def fetch(name: str, whole: Callable[[Path], bool], check: Callable[[str, Sequence[str]], None]) -> Path:
    """The folder of a repository's files, at its revision; fetched where it is not `whole`, going on from what is there.

    Before anything is fetched `check` is called with the name and all files, to raise ValueError where they are of no use. It is raised
    with the remedy too where there is no such repository or it cannot be had: no network, no right, no room.
    """
    try:
        from huggingface_hub import constants, errors, snapshot_download
    except ImportError as error:
        raise ValueError(f"{name} is no folder here; {MISSING}") from error
    repository, _, revision = name.partition("@")
    cache = Path(constants.HF_HUB_CACHE)
    wanted: dict[str, Any] = {"repo_id": repository, "revision": revision or None, "allow_patterns": list(WANTED), "cache_dir": cache}
    with suppress(errors.LocalEntryNotFoundError, errors.HFValidationError):
        if whole(there := Path(snapshot_download(**wanted, local_files_only=True))):
            return there
    try:
        everything: dict[str, Any] = {**wanted, "allow_patterns": None, "dry_run": True}
        listed = _quietly(lambda: snapshot_download(**everything))
        check(name, [file.filename for file in listed])
        _announce(name, [file for file in listed if file.will_download and any(fnmatch(file.filename, one) for one in WANTED)], cache)
        return Path(snapshot_download(**wanted))
    except (_transport(), errors.HFValidationError, OSError, RuntimeError) as error:  # one thread closes what another still asks by
        refused = error.__cause__ if isinstance(error, errors.DryRunError) and error.__cause__ else error
        raise ValueError(_remedy(refused, name, cache)) from error


def _quietly(ask: Callable[[], Any]) -> Any:
    """What something answers that draws a bar although nothing is fetched."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        return ask()
    disable_progress_bars()
    try:
        return ask()
    finally:
        enable_progress_bars()


def _remedy(error: BaseException, name: str, cache: Path) -> str:
    """What went wrong with fetching a repository, and what to do."""
    from huggingface_hub import errors

    repository, _, revision = name.partition("@")
    login = "log in here with: hf auth login"
    if isinstance(error, errors.GatedRepoError):
        return f"{repository} is given only to those who ask: agree to its terms at huggingface.co/{repository}, then {login}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repository} has no revision {revision!r}; leave out @{revision} for its newest"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return f"{name} is no folder here, and Hugging Face has no repository of that name or none that you may see; or {login}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{name} could not be fetched whole: {cache} is full; make room and ask again to go on, or name another place in HF_HUB_CACHE"
        )
    unheard = isinstance(error, _transport()) and "Connect" in type(error).__name__
    if unheard or isinstance(error, errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError | errors.DryRunError):
        return (
            f"{name} is not in {cache}, and Hugging Face cannot be reached; connect and ask again, or fetch it elsewhere, "
            "copy its folder here and name that"
        )
    return f"{name} could not be fetched whole ({error}); ask again to go on from what is there"


def _announce(name: str, missing: list[Any], cache: Path) -> None:
    """Say how much is fetched, and where to; raises ValueError where the disk has no room for it."""
    size = sum(file.file_size or 0 for file in missing)
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if size + SPARE > (free := shutil.disk_usage(there).free):
        raise ValueError(
            f"{name} needs {size / 1e9:.1f} GB, and {cache} has {free / 1e9:.1f} GB left, of which 1 GB stays free; "
            "make room, or name another place in HF_HUB_CACHE"
        )
    print(f"yozora: fetching {len(missing)} files of {name}, {size / 1e9:.1f} GB, into {cache}", file=sys.stderr)


def repository_of(folder: Path) -> str:
    """The repository and revision that a folder of the cache holds, or the folder's name."""
    folder = Path(os.path.abspath(folder))
    if folder.parent.name != "snapshots":
        return folder.name
    return f"{folder.parent.parent.name.removeprefix('models--').replace('--', '/')}@{folder.name[:8]}"


def _transport() -> type[Exception]:
    """What the library that Hugging Face's asks by raises; that one has changed its name."""
    from huggingface_hub import errors

    return errors.HTTPError  # pyright: ignore[reportPrivateImportUsage]
