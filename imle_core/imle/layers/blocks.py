"""The layer of a solver whose objective consists of several named tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle.estimators.function import estimate
from imle.layers.instances import Group
from imle.layers.module import Batch, SolverLayer
from imle.layers.packing import Given, Packed, Packing
from imle.layers.plan import SolvePlan
from imle.layers.shapes import check_objective
from imle.layers.solutions import BlockSolutions
from imle.layers.value import optimal_values, read_instance
from imle.solvers.blocks import Labels


class BlockLayer(SolverLayer):
    """A solver layer that takes and returns one tensor per block. Made by `imle.layer` where the spec declares blocks.

    One objective `[*batch, m]` of all blocks, one after the other, goes to the solver, so that one search serves all of
    them: a loss on one block has a gradient for the others. Noise is on the blocks that take it. Losses, metrics and
    `imle.calibrate` take that objective, which `pack` makes, and solutions likewise, which `pack_solutions` makes.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._own: Packing | None = None
        if self._shape is not None:
            try:
                self._own = Packing(self.spec.id, self.spec.blocks, self._instances.groups({}))
            except InstanceError:  # it comes with every row
                self._own = None

    def _packing(self, rows: Mapping[str, Sequence[Any]]) -> tuple[Packing, Sequence[Group] | None]:
        """How blocks lie in a batch, and its rows by instance; None where all have the layer's own."""
        if self._own is not None and not rows:
            return self._own, None
        groups = self._instances.groups(rows)
        return self._packing_of(groups, rows), groups

    def _packing_of(self, groups: Sequence[Group], rows: Mapping[str, Sequence[Any]]) -> Packing:
        batch = next((len(column) for column in rows.values()), None)
        return Packing(self.spec.id, self.spec.blocks, groups, batch)

    def forward(self, *blocks: Given | None, **given: Any) -> BlockSolutions:  # type: ignore[override]  # several tensors
        """Solve a batch.

        Args:
            blocks: `[*batch, *shape]` in the order of the spec, or `[*shape]` for those that the batch shares; those
                with tables may be mappings of tables `[*batch, *shape]`. None, or left out: the instance's default.
            given: blocks by name; and instance parameters that differ per row, each a sequence of length B. Blocks are
                then padded to the widest row; solutions are zero on the padding.

        Returns:
            `[*batch, *shape]` for each block, or `[*batch, S, *shape]` for output="samples". Where numbers of solutions
            are larger than the dtype of the input has whole numbers, a block is in float32 or float64.

        Raises:
            ObjectiveError: wrong shape or type, or not finite; names the block.
            InstanceError: a row's instance is missing or not valid.
            SolveError: rows failed and on_failure is "raise".
        """
        tensors, rows = self._sorted(blocks, given)
        if rows and torch.compiler.is_compiling():
            from imle.layers.uncompiled import solve_rows

            solved: BlockSolutions = solve_rows(self, **tensors, **rows)
            return solved
        packing, groups = self._packing(rows)
        packed = packing.pack(tensors)
        if torch.compiler.is_compiling():
            out = self._traced(packed.theta, {})
        else:
            try:
                batch = self._read(packed.theta, rows, groups, packing)
                mode = self._mode()
                z = estimate(batch.theta, self.call(batch.solve, mode))
            except ObjectiveError:
                plan, *_ = self._planned(packed.theta, rows, groups, packing)
                self._refuse_non_finite(packed, plan, None if rows else self.labels)
                raise
            out = self._shown(z, mode, packed.theta.dtype, batch.solve.lead)
        seen = packing.unpack(packing.complete(out, packed.lead), packed.dtype)
        return BlockSolutions(seen, packing, out.ndim - len(packed.lead) - 1)

    def value(self, *blocks: Given | None, relaxation: bool = False, **given: Any) -> Tensor:
        """The optimal value of each row: the sum over all blocks of <block, solution>, and of terms of no block.

        See `SolverLayer.value`. The gradient in a block is its solution, whatever a rule multiplies its gradients by.

        Args:
            blocks: as for `forward`.
            relaxation: as for `SolverLayer.value`.
            given: blocks by name, and instance parameters as for `SolverLayer.value`.

        Returns:
            `[*batch]`, in float32 or wider.

        Raises:
            ObjectiveError, InstanceError, SolveError: as `SolverLayer.value`.
        """
        if torch.compiler.is_compiling():
            return self._uncompiled_value(*blocks, relaxation=relaxation, **given)
        tensors, parameters = self._sorted(blocks, given)
        known = read_instance(self.spec, parameters, relaxation=relaxation)
        if self._own is not None and not parameters:
            packing, groups = self._own, None
        else:
            groups = self._instances.groups(known.rows, known.shared, keep=known.lasts)
            packing = self._packing_of(groups, known.rows)
        packed = packing.pack(tensors, rescale=False)
        self.begin()
        plan, lead, event = self._planned(packed.theta, known.rows, groups, packing)
        scores = plan.inside(self._scores(packed.theta, lead, event))
        try:
            found = optimal_values(scores, plan, known, self.as_seen)
        except ObjectiveError:
            self._refuse_non_finite(packed, plan, None if parameters else self.labels)
            raise
        return found.reshape(lead)

    def _sorted(
        self, blocks: Sequence[Given | None], given: Mapping[str, Any]
    ) -> tuple[dict[str, Given | None], dict[str, Sequence[Any]]]:
        """Blocks by name, and instance parameters."""
        names = [block.name for block in self.spec.blocks]
        if len(blocks) > len(names):
            raise ObjectiveError(
                f"{self.spec.id}: expected at most {len(names)} blocks ({', '.join(names)}), found {len(blocks)}"
            )
        tensors = dict(zip(names, blocks, strict=False))
        if twice := sorted(tensors.keys() & given.keys()):
            raise ObjectiveError(f"{self.spec.id}: {', '.join(twice)}: expected once, found by position and by name")
        tensors |= {name: value for name, value in given.items() if name in names}
        return tensors, {name: value for name, value in given.items() if name not in names}

    def pack(self, *blocks: Given | None, **given: Any) -> Tensor:
        """Blocks, as `forward` takes them, as one objective `[*batch, m]`, as losses take it.

        Args:
            blocks: `[*batch, *shape]` in the order of the spec.
            given: blocks by name; and instance parameters that differ per row, on which sizes of blocks depend.

        Raises:
            ObjectiveError, InstanceError: as `forward`.
        """
        tensors, rows = self._sorted(blocks, given)
        return self._packing(rows)[0].pack(tensors).theta

    def pack_solutions(self, *blocks: Tensor, **given: Any) -> Tensor:
        """Solutions of all blocks as one tensor `[*batch, m]`, as losses and metrics take them.

        Args:
            blocks: `[*batch, *shape]` in the order of the spec.
            given: solutions by name (`y=...`); and instance parameters that differ per row.

        Raises:
            ObjectiveError: one is missing, or of another shape.
        """
        names = {block.solution for block in self.spec.blocks}
        rows = {name: value for name, value in given.items() if name not in names}
        packing, _ = self._packing(rows)
        tensors = dict(zip([block.solution for block in packing.order], blocks, strict=False))
        return packing.pack_solutions(tensors | {name: given[name] for name in given if name in names})

    @property
    def defaults(self) -> dict[str, Tensor]:
        """`[*shape]` what stands for blocks that are left out, in torch's default dtype; new tensors each time."""
        (layout,) = self._packing({})[0].layouts
        return {
            name: torch.tensor(np.broadcast_to(data.default, data.shape).tolist())
            for name, data in layout.items()
            if data.default is not None
        }

    def read(self, objective: Tensor, **rows: Sequence[Any]) -> Batch:
        """All blocks in one tensor, as losses take them: scores, and the solver that maximises them.

        Args:
            objective: `[*batch, m]`, as `pack` makes it.
            rows: instance parameters that differ per row, each a sequence of length B.

        Raises:
            ObjectiveError: another shape; says which block is to be where.
            InstanceError: a row's instance is missing or not valid.
        """
        check_objective(objective)
        packing, groups = self._packing(rows)
        if objective.shape[-1:] != (packing.size,):
            names = ", ".join(block.name for block in packing.order)
            solutions = ", ".join(block.solution for block in packing.order)
            raise ObjectiveError(
                f"{self.spec.id}: objective: expected all blocks in one tensor, {packing.listed}; found "
                f"{list(objective.shape)}",
                hint=f"layer.pack({names}); solutions are layer.pack_solutions({solutions})",
            )
        wide = objective.to(packing.holding(objective.dtype, objective))
        return self._read(wide, rows, groups, packing)

    def _read(
        self, theta: Tensor, rows: Mapping[str, Sequence[Any]], groups: Sequence[Group] | None, packing: Packing
    ) -> Batch:
        self.begin()
        plan, lead, event = self._planned(theta, rows, groups, packing)
        return Batch(self._theta(theta, lead, event, plan.own), plan)

    def _planned(
        self, theta: Tensor, rows: Mapping[str, Sequence[Any]], groups: Sequence[Group] | None, packing: Packing
    ) -> tuple[SolvePlan, torch.Size, torch.Size]:
        """The same as `_plan`, for blocks that lie as `packing` says."""
        plan, lead, event = self._plan(theta, rows, groups)
        plan.packing = packing
        return plan, lead, event

    def plan(self, lead: torch.Size, groups: Sequence[Group] | None = None) -> SolvePlan:
        """How a batch is solved, and how its blocks lie in one tensor."""
        made = super().plan(lead, groups)
        made.packing = self._own
        return made

    def as_solved(self, solutions: Tensor, plan: SolvePlan) -> Tensor:
        """Solutions `[B, m]` without the constants of their instances."""
        assert plan.packing is not None
        return plan.packing.incomplete(solutions, solutions.shape[:1])

    def as_seen(self, solutions: Tensor, plan: SolvePlan, dtype: torch.dtype) -> Tensor:
        """The inverse of `as_solved`, in a dtype that holds the numbers; also of `[B, S, m]`."""
        assert plan.packing is not None
        wide = plan.packing.holding(dtype, solutions)
        return plan.packing.complete(solutions.to(wide), solutions.shape[:1])

    def _draw(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        """New noise `[B, S, m]`, zero on blocks that take none."""
        assert plan.packing is not None
        packing = plan.packing
        taking = theta if packing.noisy is None else theta[..., packing.noisy.to(theta.device)]
        noise = super()._draw(taking, plan)
        assert noise is not None
        if packing.baseline is not None:
            whose = packing.baseline.to(theta.device)
            if whose.ndim > 1:  # rows differ; under vmap theta is as many copies of the batch
                whose = whose.repeat(max(1, len(theta) // len(whose)), 1).unsqueeze(1)
            other = super()._draw(taking, plan)
            assert other is not None
            shared = other.gather(-1, whose.clamp(min=0).expand(noise.shape))
            noise = torch.where(whose < 0, noise, noise - shared)
        if packing.noisy is None:
            return noise
        whole = noise.new_zeros(*noise.shape[:-1], theta.shape[-1])
        whole[..., packing.noisy.to(theta.device)] = noise
        return whole

    def _refuse_non_finite(self, packed: Packed, plan: SolvePlan, labels: Labels | None) -> None:
        """Name the entry of a block that is not finite; the solver only sees all of them in one tensor.

        Raises:
            ObjectiveError: there is one.
        """
        packing = plan.packing
        assert packing is not None
        inside = plan.inside(packed.theta.reshape(-1, packing.size)).reshape(packed.theta.shape)
        own = packing.unpack(inside, packed.dtype)
        for name, given in packed.blocks.items():
            values = own[name] if own[name].shape == given.shape else given  # the same for all rows
            try:
                bad = (~values.isfinite()).nonzero()
            except RuntimeError:  # under vmap, which can tell what is wrong but not where
                return
            if not len(bad):
                continue
            rows, place = values.ndim - len(packing.shapes[name]), bad[0].tolist()
            row, at = place[:rows], place[rows:]
            entry = f"position {at[0] if len(at) == 1 else tuple(at)}"
            if isinstance(labels, Mapping) and name in labels:
                flat = int(np.ravel_multi_index(at, packing.shapes[name]))
                entry += f" ({labels[name][flat]})"
            where = f"row {row[0] if len(row) == 1 else tuple(row)}, {entry}" if row else entry
            value = float(values[tuple(bad[0])])
            count = f"{len(bad)} of {values.numel()} entries are not finite"
            raise ObjectiveError(
                f"{self.spec.id}: {name}: found {value} in {where}; {count}",
                hint=self._boundary.forbidding_hint(value) or "check the network's output",
            )
