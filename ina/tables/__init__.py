"""Tables from records and published numbers: ``python -m ina.tables EXPERIMENT``.

`frame` reads records into one data frame. `scores`, `verdicts`, `ablation`, `distractors`, `mechanism`, `search` and
`costs` make tables from it, `claims` lists verdicts by topic, `table` formats tables, and `documents` writes the files.
"""
