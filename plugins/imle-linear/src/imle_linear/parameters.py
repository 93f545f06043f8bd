"""Instance parameters that solvers of linear programs share, and those of assignments.

As light as the modules that plugins announce them in.
"""

from dataclasses import replace

from imle.plugins import Parameter

_MATRIX, _VECTOR = "matrix | None", "vector | None"

MATRICES = (
    Parameter(
        "A_ub",
        _MATRIX,
        None,
        "left side of A_ub @ x <= b_ub: dense, nested lists or scipy.sparse",
        synonyms=("A", "G", "constraints"),
        learned="positive",
        dual="exact",
    ),
    Parameter(
        "b_ub",
        _VECTOR,
        None,
        "right side of A_ub; one vector for all rows or one per row",
        per_row=True,
        synonyms=("b", "h", "rhs"),
        learned="real",
        dual="exact",
    ),
    Parameter(
        "A_eq",
        _MATRIX,
        None,
        "left side of A_eq @ x == b_eq: dense, nested lists or scipy.sparse",
        learned="positive",
        dual="exact",
    ),
    Parameter(
        "b_eq",
        _VECTOR,
        None,
        "right side of A_eq; one vector for all rows or one per row",
        per_row=True,
        learned="real",
        dual="exact",
    ),
)
"""Noise on a matrix is of factors, so that what is 0 stays 0: else no program would stay sparse."""
BOUNDS = Parameter(
    "bounds",
    "(lower, upper) | [n, 2] | Bounds",
    (0, None),
    "a pair for all variables, one pair per variable, or scipy's Bounds; None is infinite",
    learned="positive",
    dual="exact",
)
INTEGRALITY = Parameter(
    "integrality", "0 | 1 | vector", None, "1 for integer variables, 0 for the others; by default all are integer"
)
MODEL = Parameter(
    "model", "path | None", None, "an MPS or LP file instead of matrices and bounds", synonyms=("file", "path", "mps")
)
VARIABLES = Parameter(
    "variables", "indices | names | None", None, "the variables whose coefficients are learned; default all"
)
COSTS = Parameter(
    "costs",
    _VECTOR,
    None,
    "coefficients of the other variables, one entry per variable; default 0 or the model's",
    dual="exact",
)

VALUES = Parameter(
    "values",
    "dict | vector | None",
    None,
    "of the model's other parameters: by name, or all in one vector; for all rows, or per row; default their own",
    per_row=True,
    learned="real",
    dual="relaxation",
)
"""What `imle_linear.parametric.Values` reads."""


def relaxed(*parameters: Parameter) -> tuple[Parameter, ...]:
    """Parameters as a solver of integer programs has them: duals are those of the linear relaxation."""
    return tuple(replace(parameter, dual="relaxation") for parameter in parameters)


MATCHING = (
    Parameter("allowed", "mask [n, m] | None", None, "pairs that may be chosen; None for all", forbids=True),
    Parameter(
        "unmatched",
        "number, [2] or [n + m] | None",
        None,
        "what an object left unmatched costs (or scores): one number, one for each side, or one for each object, those "
        "of the first side first; None matches all of the smaller side",
        synonyms=("cost_unmatched", "costUnmatched", "cost_of_non_assignment"),
        learned="real",
    ),
    Parameter(
        "sizes",
        "array [2] of ints | None",
        None,
        "how many objects each side has, where objectives are padded; for all rows, or one pair per row",
        per_row=True,
    ),
)
"""Which pairs may be assigned, what unmatched objects cost, and how large rows are."""
