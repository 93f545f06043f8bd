"""Markov Logic Networks under a time limit: how good the world is, and by how much the limit is overrun

Limits are counted in processor time of this process, so that a busy machine does not change what is found; what
toulbar2 does in its own process is not counted. Seconds are from text to answer, grounding included; imports and
kernels, which a process loads once, are not. The gap is to the bound, the optimum is nearer.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from rich.table import Table

import imle_linear.engines
import imle_mln
from benchmarks.harness import Claim
from benchmarks.mln_models import RECORDS, lines
from imle_mln.inference import dispatch, engine
from imle_mln.maps import MAPState
from imle_mln.solver import MLNSolver, PreparedMLN

TOPICS = """
topic = {A,B,C,D,E,F,G}
*Refers(paper, paper)
Topic(paper, topic!)
0.9 Refers(p,q) ^ Topic(p,t) => Topic(q,t)
"""
PURE = """
thing = {1,...,26}
R(thing, thing)
S(thing, thing)
T(thing, thing)
0.0145 R(x,y) v S(y,z) v T(z,u)
"""


def refers(papers: int) -> str:
    """Three citations a paper, at random."""
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, papers, (3 * papers, 2)), axis=0)
    return lines("Refers", ((f"P{a}", f"P{b}") for a, b in pairs.tolist() if a != b))


def models() -> Iterator[tuple[str, str, str, float, float, float]]:
    """Name, program, evidence, mean and deviation of the unaries, and the limit in seconds."""
    yield "disjunction over 26 constants", PURE, "", 0.0, 0.0, 3.0
    yield "1,000 papers, 7 topics", TOPICS, refers(1000), 0.0, 1.0, 2.0
    yield "10,000 papers, 7 topics", TOPICS, refers(10000), 0.0, 1.0, 40.0
    yield "100 records, hard transitivity", RECORDS.format(n=100), "", -0.5, 1.5, 5.0
    yield "200 records, hard transitivity", RECORDS.format(n=200), "", -0.5, 1.5, 30.0


def solved(program: str, evidence: str, mean: float, deviation: float, limit: float) -> tuple[MAPState, float]:
    """A world, and the seconds of processor time from text to answer."""
    clock = SimpleNamespace(perf_counter=time.process_time)
    imle_mln.map_inference(PURE.replace("26", "12"), "", time_limit=9.0)  # what is loaded once is not counted
    with contextlib.ExitStack() as patched:
        for module in (imle_linear.engines, dispatch, engine):
            patched.enter_context(patch.object(module, "time", clock))
        rng = np.random.default_rng(1)
        unary = None
        if deviation:
            prepared = MLNSolver().prepare(program, evidence)
            assert isinstance(prepared, PreparedMLN)
            unary = rng.normal(mean, deviation, len(prepared.shown))
        start = time.process_time()
        found = imle_mln.map_inference(program, evidence, unary=unary, time_limit=limit)
        return found, time.process_time() - start


_RUN: list[tuple[str, MAPState, float, float]] = []


def runs() -> list[tuple[str, MAPState, float, float]]:
    """Name, world, seconds, limit; of one run."""
    if not _RUN:
        for name, program, evidence, mean, deviation, limit in models():
            _RUN.append((name, *solved(program, evidence, mean, deviation, limit), limit))
    return _RUN


def tables() -> Iterator[Table]:
    """Models by what is found."""
    table = Table("model", "limit", "s", "status", "open score", "gap", title="worlds under a time limit")
    for name, found, seconds, limit in runs():
        status = found.status.name.lower()
        table.add_row(name, f"{limit:g}", f"{seconds:.2f}", status, f"{found.open_score:,.1f}", f"{found.gap:.2g}")
    yield table


def claims() -> list[Claim]:
    """Gaps as errors, and limits that are kept."""
    by_name = {name: (found, seconds, limit) for name, found, seconds, limit in runs()}
    found = [
        Claim(f"{name}: gap", by_name[name][0].gap, most, 1.0, at_most=True, unit="")
        for name, most in (("1,000 papers, 7 topics", 0.005), ("10,000 papers, 7 topics", 0.01))
    ]
    pure, seconds, _ = by_name["disjunction over 26 constants"]
    assert pure.status.name == "OPTIMAL"
    found.append(Claim("disjunction over 26 constants: optimum", seconds, 0.5, 1.0, at_most=True))
    found += [
        Claim(f"{name}: limit kept", seconds, max(1.2 * limit, limit + 0.3), 1.0, at_most=True)
        for name, (_, seconds, limit) in by_name.items()
    ]
    return found
