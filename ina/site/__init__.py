"""The pages that `make docs` makes of records: tables that sort and filter, charts, an error browser.

`hooks` adds them, and the documents outside docs/, to the site of mkdocs.yml; `pages` writes them, `errors` compares
predictions. Scores and verdicts are made by the functions of `ina.tables` that make the committed tables.
"""
