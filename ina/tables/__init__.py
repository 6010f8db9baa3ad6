"""Tables from records and published numbers: ``python -m ina.tables EXPERIMENT``.

`frame` makes one data frame of records. Every table is a selection of it, made by `scores`, `verdicts`, `ablation`,
`distractors`, `inside`, `search` and `costs`; `claims` makes sentences of verdicts; `table` prints; `documents` knows
where each one lies.
"""
