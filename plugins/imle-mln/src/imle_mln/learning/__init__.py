"""Learning: weights of a program's formulas from worlds that were observed."""

from typing import Literal, get_args

Method = Literal["pll", "likelihood", "perceptron", "fenchel-young", "imle"]
METHODS: tuple[str, ...] = get_args(Method)
