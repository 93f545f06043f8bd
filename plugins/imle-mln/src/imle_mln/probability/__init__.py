"""Probabilities of atoms given evidence, not only the most probable world."""

from typing import Literal, get_args

Method = Literal["exact", "gibbs", "mc-sat", "perturb-and-map"]
METHODS: tuple[str, ...] = get_args(Method)
