"""The showcase behind `imle demo`: paths sampled on a map, and a map learned from one path.

`problem` is the map, `sampling` and `learning` use the library on it, `show` runs both; `colours`, `sheet`, `panels`,
`animations`, `charts` and `page` draw what they recorded; `results` is the same as numbers.
"""
