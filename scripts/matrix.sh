#!/usr/bin/env bash
# The adapter's tests at both ends of the ranges in pyproject.toml and between: one environment in outputs/matrix for
# each pair of PEFT and transformers, without the study's packages and without packages for quantised models. Arguments
# go to pytest. Not tested: transformers 5.24.0 (Llama 4 fails on text alone) and 5.4.0 (refuses MBart's own config).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

while read -r peft transformers; do
    environment=outputs/matrix/$peft-$transformers
    echo "== $peft, $transformers"
    "${PYTHON:-python3}" -m venv "$environment"
    "$environment/bin/pip" install --quiet "$(grep '^torch==' constraints.txt)" "$peft" "$transformers" pytest
    "$environment/bin/pip" install --quiet --no-deps --editable .
    "$environment/bin/python" -m pytest --noconftest -k "not 4-bit and not 8-bit and not int8" tests/test_adapter*.py "$@"
done <<'PAIRS'
peft==0.20.0 transformers==4.57.6
peft==0.21.0 transformers==5.10.4
peft transformers!=5.24.0
PAIRS
