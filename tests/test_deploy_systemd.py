"""The unit of the batch, run by a real systemd: what each ending makes it do.

Only times, user and network are replaced, and the program by a few lines of shell.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.user_systemd import NoSystemd, UserSystemd

UNITS = Path(__file__).parent.parent / "configs" / "deploy" / "systemd"
SHORTER = {
    "RestartSec=15min": "RestartSec=200ms",
    "StartLimitIntervalSec=110min": "StartLimitIntervalSec=1min",
    "TimeoutStartSec=100min": "TimeoutStartSec=3s",
}
PROGRAM = """#!/bin/sh
echo "$1" >>"$HOME/tries"
case "$1" in
  hangs) trap 'exit 143' TERM; sleep 60 & wait ;;
  killed) kill -KILL $$ ;;
  *) exit "$1" ;;
esac
"""
ALERT = """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo %i >>"$HOME/alerts"'
"""
ENDINGS = ("0", "3", "5", "7", "75", "130", "143", "killed", "hangs")


def unit_for_a_trial(program):
    """Return the unit with short times, without what a user's manager cannot do."""
    text = (UNITS / "forecaster-batch@.service").read_text(encoding="utf-8")
    for long, short in SHORTER.items():
        assert long in text
        text = text.replace(long, short)
    started = "/opt/forecaster/bin/forecaster batch /etc/forecaster/%i.toml --json"
    assert started in text
    text = text.replace(started, f"/bin/sh {program} %i")
    text = re.sub(r"(?m)^(User|Group|Wants|After)=.*\n", "", text)
    # These want folders that only the first process of a machine makes.
    return re.sub(r"(?m)^Protect(Home|KernelLogs|KernelTunables)=.*\n", "", text)


@pytest.fixture(scope="module")
def systemd():
    try:
        manager = UserSystemd().__enter__()
    except NoSystemd as error:
        pytest.skip(str(error))
    program = manager.folder / ".config" / "program"
    program.write_text(PROGRAM)
    batch = unit_for_a_trial(program)
    # PrivateTmp hides the folder of the trial: here it is shown again.
    batch += f"BindPaths={manager.folder}\n"
    (manager.units / "forecaster-batch@.service").write_text(batch)
    (manager.units / "forecaster-alert@.service").write_text(ALERT)
    manager.systemctl("daemon-reload")
    yield manager
    manager.__exit__()


@pytest.fixture(scope="module")
def ended(systemd):
    """All endings at once, since some wait: {ending: (result, tries, alerts)}."""
    units = {one: f"forecaster-batch@{one}.service" for one in ENDINGS}
    systemd.systemctl("start", "--no-block", *units.values())
    results = {one: systemd.result_of(unit) for one, unit in units.items()}
    for unit in units.values():
        systemd.result_of(f"forecaster-alert@{unit}.service")
    tries = (systemd.folder / "tries").read_text().split()
    alerts = (systemd.folder / "alerts").read_text().split()
    return {
        one: (results[one], tries.count(one), alerts.count(unit))
        for one, unit in units.items()
    }


@pytest.mark.parametrize(
    ("ending", "result", "n_tries", "n_alerts"),
    [
        ("0", "success", 1, 0),
        ("3", "exit-code", 1, 1),
        ("5", "exit-code", 1, 1),
        ("7", "exit-code", 4, 1),
        ("75", "exit-code", 4, 1),
        ("130", "exit-code", 1, 1),
        ("143", "success", 1, 0),
        ("killed", "signal", 4, 1),
        ("hangs", "timeout", 1, 1),
    ],
)
def test_tries_and_alerts(ended, ending, result, n_tries, n_alerts):
    assert ended[ending] == (result, n_tries, n_alerts)


def test_the_program_writes_only_where_it_should(systemd):
    """The shell, as confined as the batch, tries what the batch never does."""
    program = systemd.folder / "curious"
    program.write_text(
        "(touch /usr/forecaster-was-here) 2>&1\n"
        "(unshare --net true) 2>&1\n"
        '(chown 1 "$HOME") 2>&1\n'
        'touch "$HOME/.config/forecaster/kept" && echo kept\n'
    )
    said = systemd.folder / "said"
    unit = unit_for_a_trial(program) + f"BindPaths={systemd.folder}\n"
    unit += f"StandardOutput=file:{said}\n"
    (systemd.units / "curious@.service").write_text(unit)
    systemd.systemctl("daemon-reload")
    assert systemd.systemctl("start", "curious@0.service").returncode == 0
    assert [line.rpartition(": ")[2] for line in said.read_text().splitlines()] == [
        "Read-only file system",
        "Operation not permitted",
        "Operation not permitted",
        "kept",
    ]
