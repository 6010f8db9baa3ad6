"""The pages that `make docs` makes of records: tables that sort and filter, charts, an error browser.

`hooks` adds them, and the documents outside docs/, to the site of mkdocs.yml; `pages` writes them, `errors` compares
predictions. Scores and verdicts are those of the committed CSV files; what is behind them is read
through `ina.tables.frame`.
"""
