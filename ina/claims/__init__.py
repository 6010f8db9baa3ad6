"""The claims ledger: ``python -m ina.claims`` writes results/CLAIMS.md.

Every number in it is read from results/published or from records; every verdict on our runs is one of `ina.stats`.
`others` reads the numbers of others, `ours` the verdicts on our runs, `ledger` holds the paper's eight claims.
"""
