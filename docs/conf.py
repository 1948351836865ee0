"""How Sphinx builds these pages: offline, with the references made from the code."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "forecaster"
author = "the authors of forecaster"
try:
    release = metadata.version("forecaster")
except metadata.PackageNotFoundError:  # read from a checkout that is not installed
    release = ""

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "drawn_formulas",
    "forecaster_reference",
]
exclude_patterns = ["_build", "_ext"]
# Each heading can be linked to.
myst_heading_anchors = 3

# The signature carries the types; heavy libraries are named in it, never imported.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 72
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# Formulas become pictures here, so that no page asks the network for a script.
html_math_renderer = "drawn"

html_theme = "furo"
html_title = "forecaster"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
