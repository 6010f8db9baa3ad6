"""What the gate and the attention do inside a trained model: ``python -m ina.analysis distractors``.

`texts` splits a passage into tokens of several kinds, `gates` and `attention` measure a model that reads it, `measure`
does both for a trained model, and `measurement` reads and writes the file of results, one line per run:
`<root>/analysis/<experiment>-<source>.jsonl`. Tables and figures read these files and never a model. The adapter
always stays unmerged: merged, InA has no gate.
"""
