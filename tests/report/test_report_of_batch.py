"""Reports of a batch: what a batch writes itself is what a report makes again."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from forecaster.batch.outputs import write_outputs
from forecaster.batch.summary import BatchSummary, TickerOutcome
from forecaster.config.batch import BatchConfig
from forecaster.config.files import check_settings
from forecaster.ledger.schema import POINT
from forecaster.report.writing import write_report
from tests.report.reading import read_page

DAYS = (date(2024, 5, 30), date(2024, 5, 31))
SCORES = pd.DataFrame(
    {
        "ticker": ["A", "B"],
        "n_origins": [40, 0],
        "rmse_ratio": [0.987654321, None],
        "p_value": [0.04, None],
        "outcome": ["beats", None],
        "drift_since": [pd.Timestamp("2024-05-02"), pd.NaT],
    }
)


class Shelf:
    """Stands in for a ledger: holds the rows of one evening's forecasts."""

    def forecasts(self, *, model, origin):
        rows = [
            (ticker, model, pd.Timestamp(origin), pd.Timestamp("2024-06-03"), q, value)
            for ticker in ("A", "B")
            for q, value in ((POINT, 101.23456789), (0.05, 95.5), (0.95, 108.0))
        ]
        names = ["ticker", "model", "origin", "session", "quantile", "value"]
        table = pd.DataFrame(rows, columns=names)
        return table.assign(step=1, last_price=100.0, actual=float("nan"))


def write_evening(folder, day):
    settings = {
        "name": "nightly",
        "universe": {"tickers": ["A", "B", "C"]},
        "source": {"path": str(folder)},
        "model": {"bundle": str(folder / "bundle")},
        "outputs": {"folder": str(folder / "batches"), "formats": ["parquet"]},
    }
    config = check_settings(BatchConfig, settings)
    failed = TickerOutcome.failure("C", day, ValueError("<b>no</b>"))
    moment = datetime(2024, 5, 31, 22, tzinfo=UTC)
    summary = BatchSummary(
        name="nightly",
        model="tiny",
        ledger="ledger.db",
        origins=(day,),
        started=moment,
        finished=moment,
        outcomes=(*(TickerOutcome(name, day, "forecast") for name in "AB"), failed),
    )
    write_outputs(config, Shelf(), summary, [day], SCORES)
    return config.folder


@pytest.fixture
def batch(tmp_path):
    folders = {write_evening(tmp_path, day) for day in DAYS}
    return folders.pop()


def test_a_report_makes_the_very_pages_that_the_batch_wrote(batch, tmp_path):
    own = {file.relative_to(batch): file.read_bytes() for file in batch.rglob("*.html")}
    assert {str(name) for name in own} == {
        *("index.html", "2024-05-30/report.html", "2024-05-31/report.html")
    }
    out = tmp_path / "again"
    written = write_report(batch, out=out)
    assert {file.relative_to(out): file.read_bytes() for file in written.files} == own


def test_the_pages_of_a_batch_say_what_it_knew(batch):
    page = read_page(batch / "2024-05-31" / "report.html")
    assert page.all("b") == page.all("script") == []
    assert "Against the last price: 1 of 1 tickers do better" in page.source
    (row,) = page.rows("Scores of earlier forecasts by ticker")
    assert (row["RMSE ratio"], row["drift since"]) == ("0.9877", "2024-05-02")
    assert [row["q0.95"] for row in page.rows("Forecasts")] == ["108", "108"]
    (failed,) = page.rows("Failures")
    assert failed["reason"] == "<b>no</b>"


def test_a_damaged_evening_does_not_stop_the_next(batch, tmp_path):
    (batch / "2024-05-30" / "summary.json").write_text("{")
    write_evening(tmp_path, DAYS[1])
    rows = read_page(batch / "index.html").rows("Evenings, newest first")
    assert [(row["evening"], row["status"]) for row in rows] == [
        ("2024-05-31", "partly")
    ]
