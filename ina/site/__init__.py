"""The pages that `make docs` makes from records: tables that sort and filter, charts, an error browser.

`hooks` adds them, and the documents outside docs/, to the site of mkdocs.yml; `pages` writes them, `errors` compares
predictions. Scores and verdicts come from the functions of `ina.tables` that also make the committed tables.
"""
