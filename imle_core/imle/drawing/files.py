"""Write the files of the demo: all of them, or none that is only half there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from imle.errors import ImleError


def make_folder(folder: Path) -> None:
    """Create the folder if it is missing.

    Raises:
        ImleError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by name, replacing those of an earlier run and touching no others.

    A file gets its name when it is complete: whatever interrupts this, no file is half new.

    Raises:
        ImleError: a file cannot be written.
    """
    for name, content in contents.items():
        unfinished = folder / f".{name}.{os.getpid()}.part"
        try:
            unfinished.write_bytes(content)
            unfinished.replace(folder / name)
        except OSError as error:
            raise _cannot_write(folder / name, error) from error
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()


def _cannot_write(path: Path, error: OSError) -> ImleError:
    return ImleError(f"cannot write {path}: {error.strerror}", hint="choose another folder with --out")
