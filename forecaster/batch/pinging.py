"""Pinging: tells a watcher outside that a batch began, succeeded or failed.

The watcher raises the alarm when no ping comes, so also when this machine is down.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep as wait_seconds
from typing import Literal, get_args
from urllib.parse import SplitResult, urlsplit

from forecaster.data.retrying import RetryPolicy
from forecaster.errors import ConfigError, RunWarning

Signal = Literal["start", "success", "fail"]
TIMEOUT = 5.0
# A batch must not wait long for those who watch it: at worst some 20 seconds.
POLICY = RetryPolicy(attempts=3, first_wait=0.5, longest_wait=1.0, total=15.0)
MOST_BYTES = 10_000
LAST_CODE = 255
REFUSED, TOO_MANY, FAILING = 300, 429, 500


class _NotHeard(Exception):
    """The watcher did not confirm a ping."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        self.for_good = for_good
        super().__init__(reason)


@dataclass(frozen=True)
class _Message:
    address: str
    body: bytes
    timeout: float


def ping(
    url: str,
    signal: Signal,
    *,
    code: int | None = None,
    body: str = "",
    timeout: float = TIMEOUT,
    policy: RetryPolicy = POLICY,
    sleep: Callable[[float], None] = wait_seconds,
) -> bool:
    """Send one ping, as healthchecks.io and compatible services understand it.

    Parameters
    ----------
    url
        Of the check: a secret, since whoever knows it can send pings.
    signal
        `start` goes to ``URL/start``, `success` to the URL itself, `fail` to
        ``URL/<code>``, or ``URL/fail`` without a code.
    code
        Exit code of a failure, 1 to 255.
    body
        Kept by the service for people to read. Of a long text the last 10,000 bytes
        are sent.
    timeout
        Seconds to wait for a connection, and again for the answer.
    policy
        How often and how patiently to try again. An answer such as 404, which stays
        the same, is not asked for twice.
    sleep
        The way to wait, replaceable in tests.

    Returns
    -------
    bool
        Whether the service confirmed it. Nothing but wrong arguments raises an error:
        a batch does not fail because nobody listens.

    Raises
    ------
    ConfigError
        If `url` is no web address, there is no such signal, or the code cannot be one
        of a failure.

    Warns
    -----
    RunWarning
        Once, if the ping was not confirmed. It names the host, not the secret path.

    References
    ----------
    .. [1] Healthchecks.io documentation, Pinging API.
    """
    parts = check_url(url)
    content = body.encode("utf-8", errors="replace")[-MOST_BYTES:]
    message = _Message(_address(parts, signal, code), content, timeout)
    try:
        _patiently(message, policy, sleep)
    except _NotHeard as error:
        warnings.warn(
            f"{parts.hostname} did not confirm the ping {signal!r}: {error}. "
            "The batch is not affected; check the ping URL and the network.",
            RunWarning,
            stacklevel=2,
        )
        return False
    return True


def check_url(url: str) -> SplitResult:
    """Return the parts of a ping URL.

    Raises
    ------
    ConfigError
        If it is not one of `http` or `https` with a host. The message does not show it.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.scheme not in {"http", "https"} or set(url) & set(" \r\n\t"):
        raise ConfigError(
            "the ping URL is not a web address. Give it as your monitoring service "
            "shows it, such as https://hc-ping.com/..."
        )
    return parts


def _address(parts: SplitResult, signal: Signal, code: int | None) -> str:
    if signal not in get_args(Signal):
        raise ConfigError(f"a ping is one of {get_args(Signal)}, not {signal!r}.")
    if signal == "fail":
        ending = "/fail" if code is None else f"/{_failing(code)}"
    else:
        ending = "/start" if signal == "start" else ""
    path = parts.path.rstrip("/") + ending
    return parts._replace(path=path, fragment="").geturl()


def _failing(code: int) -> int:
    """Return an exit code that the service takes for a failure: to it, 0 is success."""
    if not 1 <= code <= LAST_CODE:
        raise ConfigError(
            f"the exit code of a failure is 1 to {LAST_CODE}, not {code}."
        )
    return code


def _patiently(
    message: _Message, policy: RetryPolicy, sleep: Callable[[float], None]
) -> None:
    import tenacity

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=tenacity.wait_exponential(policy.first_wait, policy.longest_wait),
        stop=tenacity.stop_after_attempt(policy.attempts)
        | tenacity.stop_after_delay(policy.total),
        sleep=sleep,
        reraise=True,
    )
    retrying(_send, message)


def _send(message: _Message) -> None:
    """Ask once; no text of an error is passed on, as it would tell the address."""
    import requests

    try:
        # A redirect is not followed: a log-in page would look like a confirmation.
        with requests.post(
            message.address,
            data=message.body,
            timeout=message.timeout,
            allow_redirects=False,
            headers={"User-Agent": "forecaster"},
            stream=True,
        ) as reply:
            status = reply.status_code
    except requests.Timeout:
        raise _NotHeard("no answer in time") from None
    except requests.exceptions.SSLError:
        raise _NotHeard("its certificate is not trusted", for_good=True) from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise _NotHeard("the connection failed") from None
    except (requests.RequestException, ValueError):
        raise _NotHeard("the request cannot be sent", for_good=True) from None
    if status >= REFUSED:
        passing = status == TOO_MANY or status >= FAILING
        raise _NotHeard(f"it answered HTTP {status}", for_good=not passing)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, _NotHeard) and not error.for_good
