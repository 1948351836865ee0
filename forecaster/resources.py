"""Resources: where the embedded prices and the named settings files lie."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: str) -> Path:
    """Return the folder `data` or `configs`, from a wheel or from a checkout.

    A wheel carries them inside the package as `_data` and `_configs`; in a checkout
    (an editable install) they lie beside the package.
    """
    packaged = PACKAGE / f"_{name}"
    return packaged if packaged.is_dir() else PACKAGE.parent / name
