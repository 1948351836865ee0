"""The application: the JSON API below /api, described by itself, and the pages."""

from __future__ import annotations

import logging
from datetime import date
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from forecaster.errors import ForecasterError, LedgerBusy
from forecaster.web import answers
from forecaster.web.forecasted import MOST_ORIGINS, gather_fan, gather_history
from forecaster.web.gathering import gather_summary, gather_ticker, gather_universe
from forecaster.web.history import gather_failures, gather_runs
from forecaster.web.opening import Reader
from forecaster.web.pages import add_pages

LOG = logging.getLogger("forecaster.web")
Answer = TypeVar("Answer")
# Letters and digits with the signs of real symbols: ^GSPC, BRK-B, EURUSD=X, M&M.NS.
TICKER = r"^[A-Za-z0-9^][A-Za-z0-9.^=_:/&+-]{0,39}$"
TEXT = r"^[A-Za-z0-9.^=_:/&+-]{0,40}$"
MODEL = r"^[^\x00-\x1f\x7f]{1,200}$"
BIGGEST = 2**31 - 1  # of PostgreSQL's integers

Ticker = Annotated[str, Query(pattern=TICKER, examples=["GOOG"])]
Text = Annotated[str, Query(pattern=TEXT, description="Part of a ticker.")]
Model = Annotated[str, Query(pattern=MODEL)]
AnyModel = Annotated[str | None, Query(pattern=MODEL)]
STATUS = "^(running|finished|partly|failed|abandoned)$"
Status = Annotated[str | None, Query(pattern=STATUS)]
Run = Annotated[int, Query(ge=1, le=BIGGEST)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=answers.MOST_ROWS)]
Step = Annotated[int, Query(ge=1, le=1000)]
Origins = Annotated[int, Query(ge=1, le=MOST_ORIGINS)]
Before = Annotated[int, Query(ge=1, le=MOST_ORIGINS)]
Day = Annotated[date | None, Query(description="An origin; else the newest.")]

DESCRIPTION = """The ledger of forecasts, read only. Each answer is read from the
database when it is asked for."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": answers.Refusal, "description": "The Host is not this server's."},
    413: {"model": answers.Refusal, "description": "The request has a body."},
    414: {"model": answers.Refusal, "description": "The URL is too long."},
    503: {"model": answers.Refusal, "description": "The ledger does not answer."},
}
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": answers.Refusal, "description": "The ledger does not know it."}
}


def create_app(reader: Reader) -> FastAPI:
    """Return the application that answers from one ledger.

    It trusts its requests: `forecaster.web.guarding.Guard` belongs before it.
    """
    app = FastAPI(
        title="forecaster",
        version="1",
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        # Their pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=REFUSALS,
    )
    _add_errors(app)
    _add_universe(app, reader)
    _add_forecasts(app, reader)
    _add_runs(app, reader)
    add_pages(app)
    return app


def _add_universe(app: FastAPI, reader: Reader) -> None:
    @app.get("/api/summary")
    def summary() -> answers.Summary:
        """Tell how many models beat last-value, and what there is of each."""
        return gather_summary(reader)

    @app.get("/api/models")
    def models() -> answers.Models:
        """List the models: tickers, runs, and how many beat last-value."""
        return answers.Models(rows=gather_summary(reader).models)

    @app.get("/api/universe")
    def universe(
        text: Text = "", model: AnyModel = None, offset: Offset = 0, limit: Limit = 100
    ) -> answers.Universe:
        """List tickers and models: next forecast, live skill, and last failure."""
        return gather_universe(
            reader, text=text, model=model, offset=offset, limit=limit
        )

    @app.get("/api/ticker", responses=UNKNOWN)
    def ticker(ticker: Ticker) -> answers.TickerAnswer:
        """List all models of one ticker."""
        return _found(gather_ticker(reader, ticker.upper()))


def _add_forecasts(app: FastAPI, reader: Reader) -> None:
    @app.get("/api/history", responses=UNKNOWN)
    def history(
        ticker: Ticker, model: Model, step: Step = 1, origins: Origins = 250
    ) -> answers.History:
        """List past forecasts of one step ahead, with the prices that came."""
        with reader.connect() as connection:
            return _found(
                gather_history(
                    connection, ticker.upper(), model, step=step, n_origins=origins
                )
            )

    @app.get("/api/fan", responses=UNKNOWN)
    def fan(
        ticker: Ticker, model: Model, origin: Day = None, before: Before = 60
    ) -> answers.Fan:
        """List all steps of one origin, with the prices before and after."""
        with reader.connect() as connection:
            return _found(
                gather_fan(
                    connection, ticker.upper(), model, origin=origin, n_before=before
                )
            )


def _add_runs(app: FastAPI, reader: Reader) -> None:
    @app.get("/api/runs")
    def runs(
        model: AnyModel = None,
        status: Status = None,
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> answers.Runs:
        """List runs, newest first."""
        return gather_runs(
            reader, model=model, status=status, offset=offset, limit=limit
        )

    @app.get("/api/failures", responses=UNKNOWN)
    def failures(run: Run, offset: Offset = 0, limit: Limit = 100) -> answers.Failures:
        """List what one run could not forecast, and why."""
        return _found(gather_failures(reader, run, offset=offset, limit=limit))


def _found(answer: Answer | None) -> Answer:
    if answer is None:
        raise HTTPException(404, "the ledger has nothing of that name")
    return answer


def _add_errors(app: FastAPI) -> None:
    """Say in a few words what is wrong, and leave the rest to the log."""

    @app.exception_handler(RequestValidationError)
    def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without the input, which would be sent back as it came.
        found = [
            {name: one[name] for name in ("loc", "msg", "type")}
            for one in error.errors()
        ]
        return JSONResponse({"detail": found}, 422)

    @app.exception_handler(ForecasterError)
    def unavailable(_: Request, error: ForecasterError) -> JSONResponse:
        LOG.warning("%s", error)
        busy = isinstance(error, LedgerBusy)
        reason = "does not answer; try again" if busy else "cannot be read"
        return JSONResponse(
            {"detail": f"the ledger {reason}"}, 503, {"Retry-After": "5"}
        )

    @app.exception_handler(Exception)
    def fail(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "an error of the server"}, 500)
