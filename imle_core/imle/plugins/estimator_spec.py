"""EstimatorSpec: what a plugin says about a gradient rule before the rule (or torch) is imported."""

from __future__ import annotations

from dataclasses import dataclass

from imle.errors import PluginError
from imle.plugins.spec import ID, TARGET, Versioned, check_field, check_texts, check_tuple


@dataclass(frozen=True, slots=True)
class EstimatorSpec(Versioned):
    """A gradient rule as its plugin announces it. Frozen and light: making one imports nothing.

    Args:
        id: lower-case words joined by dashes, e.g. "score-function"; the name users write in `estimator="..."`.
        summary: one line for `imle list-estimators`.
        target: a subclass of `imle.estimators.Estimator` as "package.module:Class", made without arguments and
            imported when a layer is built.
        solves: solves per sample in a backward pass.
        stochastic: whether it perturbs theta with noise.
        problem: the only problem kind it works for, as in `SolverSpec.problem`; "" for all.
        requires: importable module names, looked up but never imported.
        source: the paper it is from.
        api_version: version of the plugin contract; see `SolverSpec`.

    Raises:
        PluginError: a field does not have the form described here.
    """

    id: str
    summary: str
    target: str
    solves: int
    stochastic: bool = True
    problem: str = ""
    requires: tuple[str, ...] = ()
    source: str = ""
    api_version: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not ID.match(self.id):
            raise PluginError(f"estimator id: expected lower-case words joined by dashes, found {self.id!r}")
        check_texts(f"{self.id}: ", self, "summary", "target", "problem", "source")
        check_field(f"{self.id}: stochastic", self.stochastic, bool)
        if not TARGET.match(self.target):
            raise PluginError(f"{self.id}: target: expected 'package.module:Class', found {self.target!r}")
        for name in ("solves", "api_version"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise PluginError(f"{self.id}: {name}: expected an int >= 0, found {value!r}")
        check_tuple(f"{self.id}: requires", self.requires, str)
