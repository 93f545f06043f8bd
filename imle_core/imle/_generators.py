"""Generators that users give, of which torch takes no care.

Checkpointing (`torch.utils.checkpoint`) replays torch's global generator when it runs a forward pass again, and a
DataLoader seeds it in each of its workers. For a generator of the user's both are done here, or refused.
"""

from __future__ import annotations

import hashlib
import os

import torch
from torch.utils.data import get_worker_info

from imle.errors import OptionError

_homes: dict[int, int] = {}
"""The process in which a generator was given, or got the stream of its worker, by the generator's `id`.

Not by weak references, which torch 2.10 and earlier do not have of generators. An `id` that is used again belongs to
a new generator, whose entry is written when it is given.
"""


def check_generator(where: str, generator: object) -> None:
    """Refuse what is neither a generator nor None.

    Raises:
        OptionError: what was found instead.
    """
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise OptionError(
            f"{where}: expected a torch.Generator or None, found {generator!r}",
            hint="torch.Generator().manual_seed(0) makes one",
        )
    _homes[id(generator)] = os.getpid()


def ready_to_draw(where: str, generator: torch.Generator | None) -> None:
    """What precedes draws that differ from call to call.

    In a worker of a DataLoader, a generator that was given outside of it goes on with a stream of its own, seeded
    from its state and the worker's seed.

    Raises:
        OptionError: a forward pass is run again in a backward pass, and would draw other numbers than the first time.
    """
    if generator is None:
        return
    if recomputing():
        raise OptionError(
            f"{where}: generator: the forward pass is run again for a backward pass, as torch.utils.checkpoint does, "
            "and would not draw the same noise again: only torch's global generator is replayed",
            hint="leave generator= out and call torch.manual_seed, or leave the layer out of the checkpointed part",
        )
    worker = get_worker_info()
    if worker is not None and _homes.get(id(generator)) != os.getpid():
        content = bytes(generator.get_state().tolist()) + str(worker.seed).encode()
        generator.manual_seed(int.from_bytes(hashlib.blake2b(content, digest_size=8).digest()))
        _homes[id(generator)] = os.getpid()


def recomputing() -> bool:
    """Whether a backward pass is under way in this thread: a forward pass inside of it is one that is run again."""
    return torch._C._current_graph_task_id() != -1
