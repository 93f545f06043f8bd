"""The pictures behind `imle demo` and `imle gallery`, computed anew at every call.

`sections` holds a file for each part of the two pages: what it runs, and a `view` of what came of that. A view is made
of cells that change over time (`view.Canvas` on the page, `film` as a file) and of `charts`; `page` and `show` make
files of all views.
"""
