"""The pictures behind `imle gallery`: everything that torch-imle showed, and more, computed anew.

`plan` says how much to do; `experiments` run the library and `views` show what they recorded; `sections` lists both,
`show` runs them, `page` and `output` make files of them.
"""
