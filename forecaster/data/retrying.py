"""Retrying: how often, how slowly and how politely a source on the network is asked."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from forecaster.atomic import write_text
from forecaster.errors import OutputError, RateLimited, SourceError, SourceUnavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
log = logging.getLogger(__name__)

# A note or a header that asks for more is not believed: nobody should be locked out
# for a week by one odd reply.
LONGEST_BLOCK = 6 * 3600.0
LONGEST_TURN = 120.0


@dataclass(frozen=True)
class RetryPolicy:
    """How a failed request is repeated.

    Attributes
    ----------
    attempts
        How often to try in all.
    first_wait, longest_wait
        Seconds after the first failure, doubled after each further one, and their
        ceiling. Up to `first_wait` seconds are added by chance, so that parallel jobs
        do not come back together.
    blocked_wait
        Seconds to leave a source alone that asks for fewer requests, doubled likewise.
        A `Retry-After` in its reply counts if it is longer.
    total
        No attempt begins later than this many seconds after the first.
    """

    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 60.0
    blocked_wait: float = 30.0
    total: float = 180.0

    def least_wait(self, error: BaseException | None, attempt: int) -> float:
        """Return the seconds that a failure itself asks for, before any backoff."""
        wanted = getattr(error, "retry_after", None) or 0.0
        if isinstance(error, RateLimited):
            return max(wanted, self.blocked_wait * 2.0 ** (attempt - 1))
        return float(wanted)


class StillBlocked(RateLimited):
    """A source was not asked, because it has lately refused to answer."""


class Gate:
    """The door to one source, shared by all processes of a user.

    It lets one request through at a time, keeps them apart, and closes for a while
    after the source has asked for fewer. Its three small files are notes, not data:
    a damaged one is ignored, and without a folder to write to the gate still works
    for this process.

    Parameters
    ----------
    source : str
        Names the files.
    folder : Path, optional
        Where they lie; by default the user's cache folder.
    min_interval : float
        Least seconds between the beginnings of two requests.
    now, sleep : callable
        The clock (seconds since 1970) and the way to wait, both replaceable in tests.
    """

    def __init__(
        self,
        source: str,
        *,
        folder: Path | None = None,
        min_interval: float = 0.0,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.source, self.min_interval = source, min_interval
        self.folder = folder if folder is not None else cache_folder()
        self.now, self.sleep = now, sleep

    def check(self, ticker: str) -> None:
        """Refuse at once while the source is known to refuse.

        Raises
        ------
        StillBlocked
            With the time when asking is allowed again.
        """
        remaining = self.blocked_for()
        if remaining > 0:
            ends = datetime.fromtimestamp(self.now() + remaining, UTC)
            raise StillBlocked(
                f"{ticker}: not asked, because {self.source} lately refused further "
                f"requests. Wait until {ends:%Y-%m-%d %H:%M:%S} UTC "
                f"({remaining:.0f} s), or use stored or embedded prices.",
                retry_after=remaining,
            )

    def blocked_for(self) -> float:
        """Return for how many more seconds the source is to be left alone."""
        remaining = _read_number(self._blocked_note, "until") - self.now()
        return remaining if 0 < remaining <= LONGEST_BLOCK else 0.0

    def block(self, seconds: float) -> None:
        """Leave the source alone for some seconds, in every process."""
        wanted = min(max(seconds, self.blocked_for()), LONGEST_BLOCK)
        note = json.dumps({"until": self.now() + wanted})
        with contextlib.suppress(OutputError):
            write_text(self._blocked_note, note + "\n")

    @contextlib.contextmanager
    def turn(self, ticker: str) -> Iterator[None]:
        """Hold the only right to send a request, from any process.

        Raises
        ------
        SourceUnavailable
            If another process has not given it back for two minutes.
        """
        with self._lock(ticker):
            self._keep_apart()
            yield

    @contextlib.contextmanager
    def _lock(self, ticker: str) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{self.source}.lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=LONGEST_TURN)
        except Timeout as error:
            raise SourceUnavailable(
                f"{ticker}: another process has been waiting for {self.source} for "
                f"{LONGEST_TURN:.0f} s. End it, or try again later."
            ) from error
        except OSError as error:
            log.debug("cannot take turns in %s: %s", self.folder, error)
        try:
            yield
        finally:
            lock.release()

    def _keep_apart(self) -> None:
        if self.min_interval <= 0:
            return
        since = self.now() - _read_number(self._last_note, "began")
        # A clock that was set back must not cost more than one interval.
        if 0 <= since < self.min_interval:
            self.sleep(self.min_interval - since)
        with contextlib.suppress(OSError):
            self._last_note.write_text(json.dumps({"began": self.now()}))

    @property
    def _blocked_note(self) -> Path:
        return self.folder / f"{self.source}-blocked.json"

    @property
    def _last_note(self) -> Path:
        return self.folder / f"{self.source}-last.json"


def patiently(
    attempt: Callable[[], T], ticker: str, *, gate: Gate, policy: RetryPolicy
) -> T:
    """Call until it succeeds, fails for good, or patience ends.

    Only a `SourceError` is worth another attempt; a `DataError` is an answer.

    Raises
    ------
    ForecasterError
        The last failure.
    """
    import tenacity

    def once() -> T:
        gate.check(ticker)
        try:
            return attempt()
        except RateLimited as error:
            number = int(retrying.statistics["attempt_number"])
            gate.block(policy.least_wait(error, number))
            raise

    backoff = tenacity.wait_exponential(
        multiplier=policy.first_wait, max=policy.longest_wait
    ) + tenacity.wait_random(0, policy.first_wait)
    started = gate.now()

    def wait(state: RetryCallState) -> float:
        return backoff(state) + policy.least_wait(_error(state), state.attempt_number)

    def is_enough(state: RetryCallState) -> bool:
        late = gate.now() + state.upcoming_sleep > started + policy.total
        return late or state.attempt_number >= policy.attempts

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_worth_another),
        wait=wait,
        stop=is_enough,
        sleep=gate.sleep,
        before_sleep=_log_wait,
        reraise=True,
    )
    return retrying(once)


def retry_seconds(header: str | None, now: float) -> float | None:
    """Read a `Retry-After` header: seconds, or a date.

    >>> retry_seconds("120", now=0)
    120.0
    >>> retry_seconds("Thu, 01 Jan 1970 00:01:00 GMT", now=0)
    60.0
    >>> retry_seconds("soon", now=0)
    """
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_BLOCK)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_BLOCK)


def cache_folder() -> Path:
    """Return the user's folder for things that may be deleted at any time."""
    import platformdirs

    return platformdirs.user_cache_path("forecaster")


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, SourceError) and not isinstance(error, StillBlocked)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_wait(state: RetryCallState) -> None:
    log.info("%s Next attempt in %.1f s.", _error(state), state.upcoming_sleep)


def _read_number(note: Path, key: str) -> float:
    """Return a number from a note, or 0 if the note is missing or damaged."""
    try:
        return float(json.loads(note.read_bytes())[key])
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError):
        return 0.0
    except RecursionError:
        return 0.0
