"""Tables from records and published numbers: ``python -m ina.tables EXPERIMENT``.

`collect` groups records into cells and reads the numbers of others, `scores` makes a `layout.Table` of them, `render`
prints it in Markdown, CSV, LaTeX and HTML, `files` knows where each one lies.
"""
