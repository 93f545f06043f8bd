"""Run the sections that were asked for, and make files of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from imle.errors import ImleError
from imle_gallery.view import View

Tick = Callable[[str], None]
"""Called once per unit of work, with what it was, to show progress."""


class Section(NamedTuple):
    """Something to run and to show: `view(run(plan, seed=..., tick=...))`, in `work(plan)` units of progress."""

    name: str
    title: str
    work: Callable[[Any], int]
    run: Callable[..., Any]
    view: Callable[[Any], View]


class Shown(NamedTuple):
    """A section that was run: its name and title, a view of the outcome, and the seconds that it took."""

    name: str
    title: str
    view: View
    seconds: float


def run(sections: Sequence[Section], plan: Any, *, seed: int, tick: Tick) -> tuple[Shown, ...]:
    """Run them in order.

    Raises:
        SolverUnavailableError: imle-networkx is not installed, or does not work.
        OptionError: a solver that was asked for cannot be shown.
    """
    shown = []
    with _one_thread():
        for section in sections:
            start = time.perf_counter()
            view = section.view(section.run(plan, seed=seed, tick=tick))
            shown.append(Shown(section.name, section.title, view, time.perf_counter() - start))
    return tuple(shown)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tensors are small here: torch's threads would wait for each other, and sums depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def drawn(shown: Sequence[Shown], kinds: Collection[str]) -> dict[str, bytes]:
    """Pictures and animations of some kinds, by the name of the file."""
    named = [(name, drawing, name.rpartition(".")[2]) for one in shown for name, drawing in one.view.drawings.items()]
    return {name: drawing.file(kind) for name, drawing, kind in named if kind in kinds}


def results_json(results: Any) -> bytes:
    """All numbers, as indented JSON: the same bytes for the same seed, so it holds no timings."""
    return (json.dumps(_rounded(results), indent=2, allow_nan=False) + "\n").encode()


def _rounded(value: Any) -> Any:
    """Six digits after the point."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return round(value, 6) if isinstance(value, float) else value


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
            with suppress(OSError):
                unfinished.unlink()


def _cannot_write(path: Path, error: OSError) -> ImleError:
    return ImleError(f"cannot write {path}: {error.strerror}", hint="choose another folder with --out")
