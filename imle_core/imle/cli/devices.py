"""What torch sees: devices and its own thread settings. Asked in a process of its own, for torch takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

TIMEOUT = 120
"""Seconds after which torch is given up."""

_ASK = """
import json, sys
try:
    import torch
except Exception as error:
    print("\\n" + json.dumps({"broken": f"{type(error).__name__}: {error}"}))
    sys.exit()
devices = {"cpu": torch.backends.cpu.get_cpu_capability()}
for number in range(torch.cuda.device_count()):
    found = torch.cuda.get_device_properties(number)
    devices[f"cuda:{number}"] = f"{found.name}, {found.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
if torch.backends.mps.is_available():
    devices["mps"] = "available"
threads = {"torch": torch.get_num_threads(), "torch_interop": torch.get_num_interop_threads()}
print("\\n" + json.dumps({"devices": devices, "threads": threads}))
"""


@dataclass(frozen=True)
class Torch:
    """What torch says of this machine.

    Attributes:
        devices: by torch's name, what they are.
        threads: torch's settings.
        broken: why it cannot be imported, else "".
    """

    devices: Mapping[str, str] = field(default_factory=dict)
    threads: Mapping[str, int] = field(default_factory=dict)
    broken: str = ""


def ask_torch() -> Torch:
    """Import torch in a new process and ask; what it does not tell stays empty."""
    command = [sys.executable, *(["-S"] if sys.flags.no_site else []), "-c", _ASK]
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
            env={**os.environ, "PYTHONPATH": path},
        )
        return Torch(**json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError, TypeError):
        return Torch()
