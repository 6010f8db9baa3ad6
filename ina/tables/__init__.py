"""Tables from records and published numbers: ``python -m ina.tables EXPERIMENT``.

`frame` turns records into one data frame, and `study` groups them by experiment. `scores`, `verdicts`, `ablation`,
`distractors`, `mechanism`, `search` and `costs` make tables from these, `claims` lists verdicts by topic, `table`
formats tables, and `documents` writes the files.
"""
