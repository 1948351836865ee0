"""A real Dask scheduler with two workers, processes of this machine over TCP."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0


class DaskCluster:
    """Begins, kills and begins again; every process is gone after `stop`."""

    def __init__(self, folder):
        self.folder, self.processes, self.port = folder, [], 0
        self.log = folder / "log"

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    def start(self):
        notice = self.folder / "scheduler.json"
        notice.unlink(missing_ok=True)
        self._run(
            *("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--no-dashboard", "--scheduler-file", str(notice)),
        )
        self.port = self.port or self._told_port(notice)
        self._run(
            *("dask_worker", self.address, "--nworkers", "2", "--nthreads", "1"),
            *("--no-dashboard", "--host", "127.0.0.1"),
            *("--local-directory", str(self.folder)),
        )
        return self

    def kill_scheduler(self):
        """Kill scheduler and workers, so that only `start` brings answers."""
        self.stop()

    def stop_workers(self):
        self._end(self.processes.pop())

    def stop(self):
        while self.processes:
            self._end(self.processes.pop())

    def _end(self, process):
        with contextlib.suppress(ProcessLookupError):
            # A group of its own: the nannies' workers go as well.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _run(self, module, *arguments):
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
                env={
                    **{k: v for k, v in os.environ.items() if "NUM_THREADS" not in k},
                    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
                    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
                },
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)

    def _told_port(self, notice):
        deadline = time.monotonic() + WAIT_S
        while True:
            with contextlib.suppress(FileNotFoundError, ValueError):
                address = json.loads(notice.read_text())["address"]
                return int(address.rpartition(":")[2])
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
