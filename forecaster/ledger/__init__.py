"""The ledger: a database of forecasts, of the prices that came, and of live scores."""

from forecaster.ledger.ledger import Ledger
from forecaster.ledger.schema import POINT

__all__ = ["POINT", "Ledger"]
