"""Places: where the ledger lies unless somebody says otherwise."""

from __future__ import annotations

import os

from forecaster.data.store import default_folder

PLACE_VARIABLE = "FORECASTER_LEDGER"
FILE_NAME = "ledger.db"


def default_place() -> str:
    """Return the URL or the file of the ledger.

    What the environment variable FORECASTER_LEDGER says, else `ledger.db` beside the
    stored prices: below the folder that FORECASTER_DATA names, or below the user's data
    folder.
    """
    chosen = os.environ.get(PLACE_VARIABLE)
    return chosen or str(default_folder().parent / FILE_NAME)
