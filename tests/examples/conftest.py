"""Examples are scripts, not a package: they are loaded from their files, and find `common.py` beside them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

Loader = Callable[[str], ModuleType]
FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch) -> Iterator[Loader]:
    """Load an example by name, as `python examples/NAME.py` would, but without running it."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    monkeypatch.syspath_prepend(FOLDER)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load
    torch.set_num_threads(threads)


@pytest.fixture
def quick(example: Loader, capsys, tmp_path) -> Callable[..., tuple[ModuleType, Any, str]]:
    """Run an example's quick mode: the module, what it returns, what it prints. Its plot has to be a picture."""

    def run(name: str, *options: str, module: ModuleType | None = None) -> tuple[ModuleType, Any, str]:
        module = module or example(name)
        plot = tmp_path / "new folder" / f"{name}.png"
        results = module.main(["--quick", "--plot", str(plot), *options])
        assert plot.read_bytes().startswith(b"\x89PNG")
        return module, results, capsys.readouterr().out

    return run
