"""Histograms of sums of noise against the density they tend to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imle.drawing.chart_sheet import charts_sheet
from imle.drawing.chart_svg import chart_svg, legend
from imle.drawing.charts import REFERENCE, Bars, Chart, Curve, linear
from imle.gallery.experiments.sums import EDGES, Sums, gumbel_density
from imle.gallery.view import View, panels, rounded, table

_X = linear(-3, 8, "sum", steps=11, form="{:.0f}")


def view(sums: Sequence[Sums]) -> View:
    """A chart per pair of kappa and length, and the distances in a table."""
    charts = [_chart(one) for one in sums]
    kappas = list(dict.fromkeys(one.kappa for one in sums))
    lengths = list(dict.fromkeys(one.length for one in sums))
    columns = len(lengths)
    worst = max(abs(one.distance - one.exact) for one in sums)
    drawn = [f"<figure>{chart_svg(chart, 340, 230)}</figure>" for chart in charts]
    return View(
        html="<p>κ draws of sum-of-gamma noise add up to about Gumbel(0,&nbsp;1), the better the greater its length s, "
        "the number of gamma variables in a draw (<code>nb_iterations</code>). Each chart is a histogram of such sums; "
        " the curve is the Gumbel density. The Kolmogorov-Smirnov distance KS between the two depends on the "
        "length alone: the sum is the largest of s standard exponentials minus log&nbsp;s, whatever κ.</p>"
        + legend(charts[0].curves)
        + panels(drawn, columns, "charted")
        + _table(sums, kappas, lengths),
        finding=f"KS distances of {len(charts)} histograms, at most {worst:.2g} from those of infinitely many draws",
        facts={"histograms": [_facts(one) for one in sums]},
        drawings={"sum-of-gamma": [charts_sheet(charts, columns, width=400, height=260)]},
    )


def _chart(sums: Sums) -> Chart:
    x = np.linspace(-3.0, 8.0, 111)
    most = float(sums.density.max())
    return Chart(
        f"κ = {sums.kappa}, length {sums.length}",
        _X,
        linear(0, 0.5 if most <= 0.5 else 1.0, "density", form="{:.2f}"),
        [Curve("Gumbel(0, 1)", x.tolist(), gumbel_density(x).tolist(), REFERENCE)],
        Bars(EDGES.tolist(), sums.density.tolist(), 3),
        note=f"KS {sums.distance:.4f}",
    )


def _table(sums: Sequence[Sums], kappas: Sequence[int], lengths: Sequence[int]) -> str:
    found = {(one.kappa, one.length): one for one in sums}
    header = ["KS distance to Gumbel(0, 1)", *(f"length {length}" for length in lengths)]
    rows = [[f"κ = {kappa}", *(f"{found[kappa, length].distance:.5f}" for length in lengths)] for kappa in kappas]
    exact = ["exact, for every κ", *(f"{found[kappas[0], length].exact:.5f}" for length in lengths)]
    return table(header, [*rows, exact])


def _facts(sums: Sums) -> dict[str, float]:
    return {
        "kappa": sums.kappa,
        "length": sums.length,
        "ks_distance": rounded(sums.distance),
        "exact_ks_distance": rounded(sums.exact),
    }
