"""A systemd of our own: a user manager in a mount namespace, with units of a test.

Nothing outside its folder is changed. It wants root, as only root may make such a
namespace without a namespace of users, in which units could not be confined.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAM = Path("/lib/systemd/systemd")
# A manager starts only where it believes that systemd has booted the machine.
BEGIN = (
    f"mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec {PROGRAM} --user"
)
PATIENCE = 10.0


class NoSystemd(Exception):
    """No manager can be started here; the message says why."""


class UserSystemd:
    """A manager that lives as long as the block.

    Attributes
    ----------
    folder
        Its home; units go to `units`.
    """

    def __enter__(self) -> UserSystemd:
        if os.geteuid() != 0 or not PROGRAM.exists():
            raise NoSystemd("a systemd of our own wants root, and systemd installed")
        self.folder = Path(
            tempfile.mkdtemp(prefix="systemd-")
        )  # a socket's path is short
        self.units = self.folder / ".config" / "systemd" / "user"
        self.units.mkdir(parents=True)
        self.runtime = self.folder / "run"
        self.runtime.mkdir(mode=0o700)
        self._manager = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", BEGIN],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if not self._comes_up():
            self.__exit__()
            raise NoSystemd("the machine does not let a manager of systemd start")
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.terminate()
        try:
            self._manager.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._manager.kill()
            self._manager.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["systemctl", "--user", "--no-pager", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def result_of(self, unit: str, seconds: float = 60.0) -> str:
        """Wait until a unit is at rest, without another try ahead; say how it ended."""
        ends = time.monotonic() + seconds
        facts: dict[str, str] = {}
        while time.monotonic() < ends:
            if not self._has_job(unit):
                shown = self.systemctl("show", "--property=Result,ActiveState", unit)
                facts = dict(line.split("=", 1) for line in shown.stdout.splitlines())
                if facts["ActiveState"] in {"inactive", "failed"}:
                    return facts["Result"]
            time.sleep(0.1)
        raise TimeoutError(f"{unit}: {facts}")

    def _has_job(self, unit: str) -> bool:
        return unit in self.systemctl("list-jobs", "--full", "--plain").stdout

    @property
    def _environment(self) -> dict[str, str]:
        own = {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.runtime)}
        foreign = ("XDG_", "DBUS_", "SYSTEMD_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        return kept | own

    def _comes_up(self) -> bool:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and self._manager.poll() is None:
            if self.systemctl("list-units").returncode == 0:
                return True
            time.sleep(0.1)
        return False
