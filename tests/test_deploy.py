"""Deployment files: checked by the programs that read them, and against the code."""

from __future__ import annotations

import copy
import os
import re
import shlex
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from cronsim import CronSim
from kubernetes_validate import ValidationError, validate

import forecaster
from forecaster import errors
from forecaster.errors import EXIT_INTERRUPTED, EXIT_PARTLY, ForecasterError
from tests.support.programs import program, run

FOLDER = Path(__file__).parent.parent / "configs" / "deploy"
UNITS = FOLDER / "systemd"
MANIFEST = FOLDER / "kubernetes" / "batch.yaml"
CRON = FOLDER / "cron" / "forecaster"
FILES = [path for path in sorted(FOLDER.rglob("*")) if path.is_file()]

BUG = 1
TERMINATED = 128 + signal.SIGTERM
MAY_PASS = {errors.SourceError.exit_code, errors.RunLocked.exit_code}
NEW_YORK = ZoneInfo("America/New_York")
# The oldest release in which all fields of the manifest are stable, and later ones.
KUBERNETES = ("1.31", "1.32", "1.33")


needs_systemd = program("systemd-analyze", "systemd")


def exit_codes():
    """Return every code that `forecaster` ends with, except 0 and those of signals."""

    def below(kind):
        return {kind.exit_code}.union(
            *(below(child) for child in kind.__subclasses__())
        )

    return below(ForecasterError) | {BUG, EXIT_PARTLY}


# --- systemd -------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path):
    """Copies whose programs exist on any machine: `verify` looks for them.

    Only the two paths of ours are replaced; all else is verified as it is.
    """
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        for ours in ("/opt/forecaster/bin/forecaster", "/etc/forecaster/alert"):
            text = text.replace(ours, "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


def instances(folder):
    """Return the units as they are started: templates with the name of a batch."""
    return [
        folder / path.name.replace("@.", "@nightly.")
        for path in sorted(UNITS.iterdir())
    ]


def verify(folder):
    found = run("systemd-analyze", "verify", "--man=no", *instances(folder))
    return found.returncode, found.stderr + found.stdout


def settings_of(unit):
    """Return the lines of a unit file as {key: [values]}."""
    found = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";", "[")):
            found.setdefault(key, []).append(value)
    return found


@needs_systemd
def test_systemd_accepts_the_units_without_a_word(units):
    assert verify(units) == (0, "")


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "old", "new"),
    [
        ("forecaster-batch@.service", "RestartSec=", "RestartSecs="),
        ("forecaster-batch@.service", "Restart=on-failure", "Restart=sometimes"),
        ("forecaster-batch@.service", "Type=oneshot", "Type=once"),
        ("forecaster-batch@.service", "@system-service", "@system-servant"),
        ("forecaster-batch@.service", "ExecStart=/bin/true", "ExecStart=bin/true"),
        ("forecaster-batch@.service", "Restart=on-failure", "Restart=always"),
        ("forecaster-batch@.timer", "Mon..Fri", "Mon..Fir"),
        ("forecaster-batch@.timer", "America/New_York", "America/New_Yorck"),
        ("forecaster-web.service", "MemoryMax=2G", "MemoryMax=2 pounds"),
        ("forecaster-alert@.service", "ProtectSystem=strict", "ProtectSystem=very"),
    ],
)
def test_systemd_would_find_a_mistake(units, unit, old, new):
    text = (units / unit).read_text(encoding="utf-8")
    assert old in text
    (units / unit).write_text(text.replace(old, new), encoding="utf-8")
    assert verify(units) != (0, "")


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "most"),
    [
        ("forecaster-batch@nightly.service", 20),
        ("forecaster-web.service", 20),
        ("forecaster-alert@nightly.service", 30),
    ],
)
def test_the_units_are_little_exposed(units, unit, most):
    """On systemd's scale of 0 to 100; without any hardening a service has 96."""
    words = ("--offline=true", f"--threshold={most}", "--no-pager", units / unit)
    found = run("systemd-analyze", "security", *words)
    assert found.returncode == 0, found.stdout[-300:]


def test_systemd_tries_again_what_may_pass():
    batch = settings_of("forecaster-batch@.service")
    [lasting] = batch["RestartPreventExitStatus"]
    assert {int(code) for code in lasting.split()} == (
        exit_codes() - MAY_PASS | {EXIT_INTERRUPTED, TERMINATED}
    )
    assert batch["Restart"] == ["on-failure"]
    # A ledger that does not answer ends with 75 too: no success must hide it.
    assert batch["SuccessExitStatus"] == [str(TERMINATED)]
    [web] = settings_of("forecaster-web.service")["RestartPreventExitStatus"]
    assert {int(code) for code in web.split()} <= exit_codes() - MAY_PASS


@needs_systemd
def test_a_run_and_its_tries_end_before_the_next_start():
    def minutes(key):
        [value] = settings_of("forecaster-batch@.service")[key]
        found = run("systemd-analyze", "timespan", value).stdout
        return int(re.search(r"μs: (\d+)", found)[1]) / 60e6

    between = 120 - 5  # the timer's, less its random delay
    assert minutes("TimeoutStartSec") + minutes("TimeoutStopSec") < between
    assert minutes("StartLimitIntervalSec") < between
    tries = int(settings_of("forecaster-batch@.service")["StartLimitBurst"][0])
    assert tries * minutes("RestartSec") < minutes("StartLimitIntervalSec")


# --- the three schedules -------------------------------------------------------------


def cron_jobs():
    """Return the variables and the jobs of the cron file."""
    variables, jobs = {}, []
    for line in CRON.read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Z_]+=", line):
            name, _, value = line.partition("=")
            variables[name] = value
        elif line and not line.startswith("#"):
            jobs.append(line)
    return variables, jobs


def documents():
    return [*yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))]


def cronjob():
    [found] = [one for one in documents() if one["kind"] == "CronJob"]
    return found


def pod():
    return cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def starts(expression, zone, base, n):
    times = CronSim(expression, base.astimezone(ZoneInfo(zone)))
    return [next(times).astimezone(UTC) for _ in range(n)]


@pytest.mark.parametrize("base", ["2026-03-04", "2026-10-28"])
def test_cron_and_kubernetes_start_when_the_timer_does(base):
    """Also in the weeks in which New York changes its clocks."""
    began = datetime.fromisoformat(base).replace(tzinfo=UTC)
    variables, [job] = cron_jobs()
    by_cron = starts(" ".join(job.split()[:5]), variables["CRON_TZ"], began, 30)
    spec = cronjob()["spec"]
    assert by_cron == starts(spec["schedule"], spec["timeZone"], began, 30)
    local = [time.astimezone(NEW_YORK) for time in by_cron]
    assert {(time.hour, time.minute) for time in local} == {
        (16, 50),
        (18, 50),
        (20, 50),
    }
    assert {time.weekday() for time in local} == {0, 1, 2, 3, 4}
    if shutil.which("systemd-analyze"):
        assert by_cron == by_timer(f"{base} 00:00:00 UTC", 30)


def by_timer(base, n):
    [expression] = settings_of("forecaster-batch@.timer")["OnCalendar"]
    options = (f"--iterations={n}", f"--base-time={base}")
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    found = run("systemd-analyze", "calendar", *options, expression, env=environment)
    times = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ (.*) UTC", found.stdout)
    return [datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times]


@needs_systemd
@pytest.mark.parametrize("unit", [UNITS / "forecaster-batch@.timer"])
def test_every_calendar_line_in_the_units_is_one(unit):
    """Those in comments too: somebody will copy them."""
    lines = re.findall(r"OnCalendar=(.+)", unit.read_text(encoding="utf-8"))
    assert len(lines) == 2
    for line in lines:
        found = run("systemd-analyze", "calendar", line)
        assert found.returncode == 0, found.stderr


def test_the_line_for_machines_on_utc_is_never_before_the_close():
    [line] = re.findall(r"the line `(.*?)`", CRON.read_text(encoding="utf-8"))
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for time in starts(line, "UTC", began, 2 * 261):
        local = time.astimezone(NEW_YORK)
        assert local.weekday() < 5
        assert (local.hour, local.minute) >= (16, 50)


# --- cron ----------------------------------------------------------------------------


def test_the_cron_file_is_one_that_cron_reads():
    assert re.fullmatch(r"[A-Za-z0-9_-]+", CRON.name)  # Debian's cron skips others
    assert CRON.read_bytes().endswith(b"\n")  # and a last line without an end
    variables, [job] = cron_jobs()
    assert variables["CRON_TZ"] == NEW_YORK.key
    fields = job.split(maxsplit=6)
    assert fields[5] == "forecaster"
    assert "%" not in fields[6]  # cron would make a line end of it
    assert run("sh", "-n", "-c", fields[6]).returncode == 0


@pytest.mark.parametrize("code", [0, 5, 75])
def test_cron_mails_only_what_failed(tmp_path, code):
    stub = tmp_path / "forecaster"
    stub.write_text(f"#!/bin/sh\necho output\necho trouble >&2\nexit {code}\n")
    stub.chmod(0o755)
    log = tmp_path / "nightly.log"
    command = cron_jobs()[1][0].split(maxsplit=6)[6]
    command = command.replace("/opt/forecaster/bin/forecaster", str(stub), 1)
    command = command.replace("/var/log/forecaster/nightly.log", str(log))
    command = command.replace("/var/lib/forecaster", str(tmp_path))
    found = run("sh", "-c", command)
    said = f"forecaster batch ended with exit code {code}, see {log}\n" if code else ""
    assert (found.stdout, found.stderr) == (said, "")
    assert log.read_text() == "output\ntrouble\n"


# --- Kubernetes ----------------------------------------------------------------------


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field(version):
    for document in documents():
        assert validate(document, version, strict=True) == version


CONTAINER = "spec.jobTemplate.spec.template.spec.containers.0"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.timezone", "America/New_York"),
        ("spec.schedule", None),
        ("spec.jobTemplate.spec.backoffLimit", "4"),
        ("spec.jobTemplate.spec.podFailurePolicies", {}),
        ("spec.jobTemplate.spec.podFailurePolicy.rules.1.onExitCodes.values", ["1"]),
        ("spec.jobTemplate.spec.podFailurePolicy.rules.1.onExitCodes.operator", None),
        (f"{CONTAINER}.args.3", 5),
        (f"{CONTAINER}.name", None),
        (f"{CONTAINER}.securityContext.readOnlyRootFileSystem", True),
        (f"{CONTAINER}.volumeMounts.0.mountPaths", "/x"),
        (f"{CONTAINER}.resources.limit", {"memory": "8Gi"}),
        (f"{CONTAINER}.env.2.valueFrom.secretKeyRef.key", None),
    ],
)
def test_kubernetes_would_find_a_mistake(path, value):
    """None takes a field away."""
    document = copy.deepcopy(cronjob())
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place = document
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(ValidationError):
        validate(document, KUBERNETES[0], strict=True)


def test_kubernetes_tries_again_what_may_pass():
    job = cronjob()["spec"]["jobTemplate"]["spec"]
    ignore, fail = job["podFailurePolicy"]["rules"]
    assert ignore["action"] == "Ignore"
    assert fail["action"] == "FailJob"
    assert set(fail["onExitCodes"]["values"]) == exit_codes() - MAY_PASS
    [container] = pod()["containers"]
    assert fail["onExitCodes"]["containerName"] == container["name"]
    assert pod()["restartPolicy"] == "Never"  # wanted by podFailurePolicy
    spec = cronjob()["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    between = 7200
    assert job["activeDeadlineSeconds"] < between
    assert spec["startingDeadlineSeconds"] < between


def test_what_the_manifest_mounts_is_there():
    [container] = pod()["containers"]
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) == set(volumes)
    [claim] = [one for one in documents() if one["kind"] == "PersistentVolumeClaim"]
    wanted = volumes["store"]["persistentVolumeClaim"]["claimName"]
    assert wanted == claim["metadata"]["name"]
    text = MANIFEST.read_text(encoding="utf-8")
    settings = volumes["settings"]["configMap"]["name"]
    assert f"create configmap {settings} --from-file=batch.toml=" in text
    assert "/etc/forecaster/batch.toml" in container["args"]
    ledger = container["env"][2]["valueFrom"]["secretKeyRef"]
    made = f"create secret generic {ledger['name']} --from-literal={ledger['key']}="
    assert made in text
    # The root file system is read-only: what is written lies on a volume.
    for variable in container["env"]:
        if "value" in variable:
            assert any(Path(variable["value"]).is_relative_to(path) for path in mounts)


def test_the_pod_has_no_rights():
    [container] = pod()["containers"]
    own = container["securityContext"]
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] > 0
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert pod()["automountServiceAccountToken"] is False
    assert not any(one["kind"] == "Secret" for one in documents())


# --- the code ------------------------------------------------------------------------


def source():
    folder = Path(forecaster.__file__).parent
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))


def test_the_environment_is_one_that_the_program_reads():
    code = source()
    for file in FILES:
        for name in re.findall(
            r"\bFORECASTER_[A-Z_]+", file.read_text(encoding="utf-8")
        ):
            assert f'"{name}"' in code, f"{file.name}: nothing reads {name}"


def commands():
    """Return every command line of ours in the files, without the program."""
    found = [pod()["containers"][0]["args"]]
    for unit in UNITS.glob("*.service"):
        found += [shlex.split(line)[1:] for line in settings_of(unit.name)["ExecStart"]]
    found.append(shlex.split(cron_jobs()[1][0].split(maxsplit=6)[6]))
    programs = {"batch", "serve"}
    for words in found:
        first = next((n for n, word in enumerate(words) if word in programs), None)
        if first is not None:
            ends = [n for n, word in enumerate(words) if word.startswith((">", "||"))]
            yield words[first : min(ends, default=len(words))]


def test_each_file_starts_one_command():
    assert sorted(words[0] for words in commands()) == [*["batch"] * 3, "serve"]


@pytest.mark.parametrize("name", ["batch", "serve"])
def test_the_commands_have_these_options(name):
    import typer

    from forecaster.cli.app import app

    known = typer.main.get_command(app).commands
    if name not in known:
        pytest.skip(f"forecaster has no command {name!r} yet")
    options = {option for param in known[name].params for option in param.opts}
    for words in commands():
        if words[0] == name:
            assert {word for word in words if word.startswith("--")} <= options
