"""Pages: the few files that are sent, read once; no request names a file."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI, Response

HTML, CSS = "text/html; charset=utf-8", "text/css; charset=utf-8"
SCRIPT, PICTURE = "text/javascript; charset=utf-8", "image/svg+xml"
PAGES = {
    "/": ("universe.html", HTML),
    "/ticker": ("ticker.html", HTML),
    "/skill": ("skill.html", HTML),
    "/runs": ("runs.html", HTML),
    "/favicon.svg": ("favicon.svg", PICTURE),
    "/page.css": ("page.css", CSS),
    **{
        f"/{name}.js": (f"{name}.js", SCRIPT)
        for name in (
            *("common", "table", "chart", "scores"),
            *("universe", "ticker", "skill", "runs"),
        )
    },
}


def add_pages(app: FastAPI) -> None:
    """Let an application send the pages."""
    folder = files("forecaster.web") / "static"
    for path, (name, kind) in PAGES.items():
        _add_page(app, path, (folder / name).read_bytes(), kind)


def _add_page(app: FastAPI, path: str, content: bytes, kind: str) -> None:
    def send() -> Response:
        # Asked for each time: after an update no old script meets a new answer.
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    app.add_api_route(path, send, include_in_schema=False)
