"""Sphinx' settings: `make docs`."""

from __future__ import annotations

import gc
import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
from imle_docs import outside

gc.set_threshold(700, 10, 1000)  # documents stay: seeking garbage among all of them took a quarter of the time

# notebooks call `imle`, and look for the electricity prices where tests and benchmarks do
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ.setdefault("IMLE_ENERGY_DATA", str(Path(__file__).parents[2] / "shared" / "data" / "energy"))

project = "imle"
author = "The imle developers"
project_copyright = author
release = version = installed_version("imle")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "imle_docs",
]
exclude_patterns = ["_build", "_generated"]  # _generated: parts of pages, included by them
needs_sphinx = "8.0"

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

nb_execution_mode = "cache"  # a notebook runs again once its code has changed
nb_execution_cache_path = str(Path(__file__).parent / "_build" / ".jupyter_cache")  # not published
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
strip_signature_backslash = True  # or `lambda_` would be shown as lambda
smartquotes_action = "D"  # dashes only: "numpy" in a text is what to type
default_role = "code"  # docstrings are written for `help()`: one backtick is code

intersphinx_mapping = outside.MAPPING  # by files of this repository: builds need no network
intersphinx_disabled_reftypes = ["std:*"]  # our own words are explained by our own glossary
copybutton_prompt_text = r"\$ "  # of a console, commands are copied, and not what they print
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = "imle"
html_static_path = ["_static"]
html_css_files = ["imle.css"]
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "versions.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_copy_source = False
html_show_sphinx = False
pygments_style = "tango"
pygments_dark_style = "github-dark"
