"""What the gate and the attention do inside a trained model: ``python -m ina.analysis distractors``.

`texts` turns a passage into tokens of a kind, `gates` and `attention` measure a model that reads it, `measurement` is
the file of what was measured, a line a run: `<root>/analysis/<experiment>-<source>.jsonl`. Tables, figures and claims
read these files and never a model. The adapter stays unmerged throughout: merged, InA has no gate.
"""
