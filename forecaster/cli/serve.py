"""`forecaster serve`: the ledger as a read-only web page."""

from __future__ import annotations

from typing import Annotated

import typer

from forecaster.cli.console import guarded, print_json, say
from forecaster.cli.ledger import Place
from forecaster.cli.options import AsJson


@guarded
def serve_command(
    ledger: Place = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen at; 0 is any free.")
    ] = 8321,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="HOST",
            help="A further name that browsers know this server by. May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the ledger as web pages, read only, until Ctrl-C or SIGTERM ends it.

    The universe with the next forecasts, each ticker with its past forecasts beside
    real prices, live skill against last-value, and the runs with their failures. The
    same as JSON below /api, described in /api/openapi.json.

    There is no login: at its usual address only this machine can ask. Ends with code 0
    when it is ended, 2 if the port is taken, 4 if there is no ledger.

    Examples:

      forecaster serve

      forecaster serve --ledger ledger.db --port 8400
    """
    from forecaster.web.serving import is_loopback, serve

    if not is_loopback(host):
        say(
            f"warning: {host} can be reached from other machines, and there is no "
            "login: whoever reaches it reads the whole ledger"
        )

    def announce(url: str, place: str) -> None:
        if as_json:
            print_json({"url": url, "ledger": place})
        else:
            typer.echo(f"{place} at {url} until Ctrl-C")

    serve(ledger, host=host, port=port, names=name or (), announce=announce)
