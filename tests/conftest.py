"""Fixtures that several test files share."""

import logging
import os
import signal
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # beside other workers

import pytest  # noqa: E402

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real GLUE and SQuAD files."""
    folder = Path(os.environ.get("INA_DATA_DIR") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("real GLUE/SQuAD files not at INA_DATA_DIR or ../shared/data")
    return folder


@pytest.fixture(scope="session")
def glue(tmp_path_factory) -> Path:
    """A folder with a few made-up rows of CoLA and STS-B in the official layout."""
    import tiny_runs

    return tiny_runs.write_glue(tmp_path_factory.mktemp("glue"))


@pytest.fixture
def cli(monkeypatch, capfd):
    """A function that runs ``python -m ina.run`` in this process: exit code, standard output, standard error."""
    import tiny_runs

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ina/run.py", *arguments])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        package = logging.getLogger("ina")
        capfd.readouterr()
        code, message = 0, ""
        try:
            tiny_runs.run.cli()
        except SystemExit as end:
            code, message = (1, end.code) if isinstance(end.code, str) else (end.code or 0, "")
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            package.handlers = []
            package.setLevel(logging.NOTSET)
        out, err = capfd.readouterr()
        return code, out, err + message

    return call
