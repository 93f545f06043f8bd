"""What `imle demo` and `imle gallery` draw with.

`sheet` is a picture in the shared palette of `colours`; `panels` are blocks on it, `strip` is a row of them; `charts`
are curves and histograms, drawn by `chart_sheet` on a sheet and by `chart_svg` on a page; `video` encodes; `web`,
`page.css` and `player.js` make pages that stand alone; `files` writes them.
"""
