"""Plots of what layers return and of how they learn, with matplotlib (`pip install 'imle[plot]'`).

`marginals` and `samples` draw solutions on grids, graphs and assignment matrices; `training` draws losses and how many
gradient entries are zero; `diagnosis` draws what `imle.diagnose` found. Each returns what it drew on, to be changed,
shown or saved. Nothing is shown, and pyplot's state is left alone.

`plt.style.use("imle.plot.notebook")` is the look of the notebooks: no background, and an ink that can be read on light
and on dark pages.
"""

from imle.plot.curves import History, training
from imle.plot.report import diagnosis
from imle.plot.solutions import marginals, samples

__all__ = ["History", "diagnosis", "marginals", "samples", "training"]
