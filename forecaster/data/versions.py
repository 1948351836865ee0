"""Versions: one state of a ticker's stored rows, as the bytes of a file and back."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, TypeVar

import numpy as np
import pandas as pd

from forecaster.data.history import RAW_COLUMNS

Event = Literal["create", "fresh", "append", "split", "dividend", "restated", "stale"]

Record = TypeVar("Record")

FORMAT = 1
# Under this name the record lies in the Parquet file's own metadata.
METADATA_KEY = b"forecaster"
BASIS = "none: prices, volumes and dividends as traded; splits listed"
DIGEST = re.compile(r"[0-9a-f]{64}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TEXTS = ("ticker", "source", "calendar", "event", "stored_at", "sha256")
DATES = ("start", "first_session", "last_session")


class DamagedFile(Exception):
    """A file of the store is not what was written; the message says in which way."""


class NotUnderstood(Exception):
    """A file of the store is whole, but of a kind that this forecaster cannot read."""


@dataclass(frozen=True)
class Version:
    """The record of one version: where its rows come from, and what they lack.

    Attributes
    ----------
    ticker, source, calendar
        Whose rows, by whom, and on which exchange's sessions.
    event
        Why there is a new version.
    parent
        SHA-256 of the version before it; None for the first.
    stored_at
        When it was made (UTC, ISO 8601).
    start
        The earliest date ever asked for (ISO); the rows may begin later.
    n_sessions, first_session, last_session
        Of the rows.
    missing_sessions
        Sessions between the first and the last without a row (ISO).
    report
        What the update found: rows added, dropped, restated and so on.
    provenance
        As `History.provenance`, of the answer that led to this version.
    adjustment
        What has been done to the prices: nothing.
    sha256
        Of the file with the rows.
    """

    ticker: str
    source: str
    calendar: str
    event: Event
    parent: str | None
    stored_at: str
    start: str
    n_sessions: int
    first_session: str
    last_session: str
    missing_sessions: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    adjustment: str = BASIS
    sha256: str = ""

    @property
    def stem(self) -> str:
        """What the names of the version's two files begin with."""
        return self.sha256[:16]

    def to_json(self) -> str:
        """Return the content of the sidecar."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a sidecar.

        Raises
        ------
        DamagedFile
            If it is none.
        NotUnderstood
            If it is of an unknown format.
        """
        version = _build(cls, _read_object(text))
        missing = version.missing_sessions
        texts = all(isinstance(getattr(version, name), str) for name in TEXTS)
        dates = all(_is_date(getattr(version, name)) for name in DATES)
        if (
            not texts
            or not dates
            or not isinstance(version.missing_sessions, list | tuple)
        ):
            raise DamagedFile("its entries are not those expected")
        return replace(version, missing_sessions=tuple(missing))


@dataclass(frozen=True)
class Pointer:
    """Which version is current, and what happened since it was made.

    Attributes
    ----------
    sha256
        Of the current version.
    checked_at, compared_at
        When the source last answered, and when all its rows were last compared with
        those stored (UTC, ISO 8601); None if that is not known.
    attempts
        How often a missing session (ISO) has been asked for again.
    stale
        Why the rows are older than they should be; None if they are not.
    start
        The earliest date ever asked for (ISO). It is earlier than the version's own
        after damage, until everything has been fetched again.
    """

    sha256: str
    checked_at: str | None = None
    compared_at: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    stale: str | None = None
    start: str | None = None

    def to_json(self) -> str:
        """Return the content of `current.json`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read `current.json`.

        Raises
        ------
        DamagedFile
            If it names no version.
        NotUnderstood
            If it is of an unknown format.
        """
        pointer = _build(cls, _read_object(text))
        if not DIGEST.fullmatch(str(pointer.sha256)):
            raise DamagedFile("it names no version")
        if not isinstance(pointer.attempts, dict):
            raise DamagedFile("its attempts are no table")
        if pointer.start is not None and not _is_date(pointer.start):
            raise DamagedFile("its start is no date")
        return pointer


def encode_version(version: Version, rows: pd.DataFrame) -> tuple[Version, bytes]:
    """Return a version with its SHA-256, and the Parquet file that has it.

    The record lies inside the file as well, so a lost sidecar can be written again, and
    two versions never have the same name even if their rows are equal.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    days = rows.index.to_numpy().astype("datetime64[D]")
    columns = {name: rows[name].to_numpy() for name in RAW_COLUMNS}
    table = pa.table({"session": pa.array(days), **columns})
    table = table.replace_schema_metadata({METADATA_KEY: version.to_json()})
    file = io.BytesIO()
    pq.write_table(
        table,
        file,
        compression="zstd",
        use_dictionary=["dividend", "split"],
        write_page_checksum=True,
    )
    content = file.getvalue()
    return replace(version, sha256=hashlib.sha256(content).hexdigest()), content


def decode_version(content: bytes, expected: str) -> tuple[Version, pd.DataFrame]:
    """Return the record and the rows of a file.

    Parameters
    ----------
    content : bytes
        The whole file.
    expected : str
        What its SHA-256 begins with.

    Raises
    ------
    DamagedFile
        If the SHA-256 is another one.
    NotUnderstood
        If it is the right one, but the rows or their record cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    digest = hashlib.sha256(content).hexdigest()
    if not content or not digest.startswith(expected):
        raise DamagedFile(f"its SHA-256 is {digest[:16]}, not {expected[:16]}")
    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        record = file.schema_arrow.metadata[METADATA_KEY]
        table = file.read(use_threads=False)
        sessions = table["session"].to_numpy().astype("datetime64[us]")
        columns = {name: table[name].to_numpy() for name in RAW_COLUMNS}
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"holds no rows that can be read ({error})") from error
    index = pd.DatetimeIndex(np.asarray(sessions), name="session")
    try:
        version = replace(Version.from_json(record), sha256=digest)
    except DamagedFile as error:
        raise NotUnderstood(f"holds no record that can be read ({error})") from error
    return version, pd.DataFrame(columns, index=index)


def _read_object(text: str | bytes) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"it is not JSON ({error})") from error
    if not isinstance(record, dict):
        raise DamagedFile("it is not a JSON object")
    found = record.pop("format", None)
    if type(found) is not int or found < FORMAT:
        raise DamagedFile(f"its format is {found!r}, not {FORMAT}")
    if found > FORMAT:
        raise NotUnderstood(
            f"has the format {found}, and {FORMAT} is the newest known here: it was "
            "written by a newer forecaster. Update this one"
        )
    return record


def _is_date(value: object) -> bool:
    return isinstance(value, str) and DATE.fullmatch(value) is not None


def _build(kind: type[Record], record: dict[str, Any]) -> Record:
    try:
        return kind(**record)
    except TypeError as error:
        raise DamagedFile(f"its entries are not those expected ({error})") from error
