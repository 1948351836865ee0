"""Makes the committed tiny bundle anew; run it only when the format changes.

python tests/data/make_tiny_bundle.py
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import forecaster as fc

FOLDER = Path(__file__).parent / "tiny-bundle"
OVERRIDES = [
    "training.epochs=2",
    "window.lookback=5",
    "model.layers=[{units=2, dropout=0.2}, {cell='gru', units=2, dropout=0.0}]",
]


def main() -> None:
    prices = fc.load_prices("GOOG")
    forecaster = fc.train(prices, fc.load_config("google", OVERRIDES), progress=False)
    shutil.rmtree(FOLDER, ignore_errors=True)
    fc.save_bundle(forecaster, FOLDER)
    forecast = forecaster.predict(prices, as_of="2017-12-29", horizon=3)
    numbers = {
        "sessions": [str(day.date()) for day in forecast.sessions],
        "price": forecast.price.tolist(),
    }
    FOLDER.with_name("tiny-bundle-predictions.json").write_text(
        json.dumps(numbers, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
