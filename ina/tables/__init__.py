"""Tables from records and published numbers: ``python -m ina.tables EXPERIMENT``.

`frame` makes one data frame of records. Every table is a selection of it, made by `scores`, `verdicts`, `ablation`,
`distractors`, `mechanism`, `search` and `costs`; `claims` gathers verdicts by topic; `table` prints; `documents` knows
where each one lies.
"""
