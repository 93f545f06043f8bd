"""All checks, in the order they are made."""

from __future__ import annotations

from imle.testing.check import Check
from imle.testing.checks import (
    answers,
    arrays,
    blocks,
    closing,
    dependencies,
    failures,
    gradients,
    hints,
    imports,
    recipe,
    reuse,
    rows,
    scale,
    spec,
    threads,
    ties,
)
from imle.testing.conditions import (
    announced,
    claims,
    has_class,
    has_rows,
    knows_best,
    knows_feasible,
    knows_solutions,
    says_exact,
)

_EXACT = ("contract", "dtypes", "optimality")

CHECKS: tuple[Check, ...] = (
    Check("light-import", imports.check_light_import, "solver", (announced,), ()),
    Check("import-time", imports.check_import_time, "solver", (announced,), ()),
    Check("requires", dependencies.check_requires, "solver", (announced,), ()),
    Check("spec-texts", spec.check_spec_texts, "solver", (announced,), ()),
    Check("spec-class", spec.check_spec_class, "solver", (announced, has_class), ()),
    Check("spec-options", spec.check_spec_options, "solver", (announced, has_class), ()),
    Check("spec-instance", spec.check_spec_instance, "solver", (announced,), ()),
    Check("example", spec.check_example, "solver", (announced,), ()),
    Check("contract", arrays.check_contract, needs=()),
    Check("values", arrays.check_values),
    Check("dtypes", arrays.check_dtypes),
    Check("strides", arrays.check_strides),
    Check("input-untouched", arrays.check_input_untouched),
    Check("fresh-solutions", arrays.check_fresh_solutions),
    Check("blocks", blocks.check_blocks),
    Check("batch-equals-loop", rows.check_batch_equals_loop),
    Check("row-permutation", rows.check_row_permutation),
    Check("row-parameters", rows.check_row_parameters, applies=(has_rows,)),
    Check("feasibility", answers.check_feasibility, applies=(knows_feasible,)),
    Check("optimality", answers.check_optimality, applies=(says_exact, knows_best), needs=("contract", "feasibility")),
    Check(
        "negative-objectives",
        answers.check_negative_objectives,
        applies=(claims("negative_objectives"), says_exact, knows_best),
        needs=("contract", "optimality"),
    ),
    Check("scale", scale.check_scale, applies=(says_exact, knows_best), needs=_EXACT),
    Check("magnitudes", scale.check_magnitudes, applies=(says_exact, knows_best), needs=(*_EXACT, "scale")),
    Check("precision", scale.check_precision, applies=(says_exact, knows_best), needs=(*_EXACT, "scale", "magnitudes")),
    Check("ties", ties.check_ties, needs=("contract", "batch-equals-loop", "row-permutation")),
    Check("non-finite", failures.check_non_finite),
    Check("bad-row", failures.check_bad_row, needs=("contract", "batch-equals-loop")),
    Check("reuse", reuse.check_reuse),
    Check("hint", hints.check_hint, applies=(claims("warm_start"),)),
    Check("warm-start", hints.check_warm_start, applies=(claims("warm_start"),), needs=("contract", "hint")),
    Check("pickle", recipe.check_pickle),
    Check("spawn", recipe.check_spawn, "solver", needs=("contract", "pickle")),
    Check("threads", threads.check_threads, needs=("contract", "reuse")),
    Check("releases-gil", threads.check_releases_gil, "solver", (claims("releases_gil"),)),
    Check("close", closing.check_close),
    Check("leaks", closing.check_leaks, "solver"),
    Check("gradients-finite", gradients.check_gradients_finite, needs=("contract", "hint")),
    Check(
        "gradients",
        gradients.check_gradients,
        applies=(says_exact, knows_solutions),
        needs=(
            *("dtypes", "input-untouched", "fresh-solutions", "feasibility", "optimality", "hint", "reuse"),
            "gradients-finite",
        ),
    ),
)
