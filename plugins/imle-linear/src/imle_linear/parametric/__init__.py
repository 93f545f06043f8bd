"""Models of modelling languages: linear programs whose numbers are affine in parameters, which rows may give."""

from imle_linear.parametric.affine import Affine
from imle_linear.parametric.prepared import PreparedModel
from imle_linear.parametric.program import LearnedTerms, ParametricProgram, QuadraticTerm
from imle_linear.parametric.values import InstanceParameter, Values

__all__ = [
    "Affine",
    "InstanceParameter",
    "LearnedTerms",
    "ParametricProgram",
    "PreparedModel",
    "QuadraticTerm",
    "Values",
]
