"""What stands in deploy/: units, images, alerts, a dashboard; words of systemd; logs."""

from __future__ import annotations

import configparser
import datetime as dt
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from vafa.server.__main__ import outbox, serve
from vafa.server.doors import address_of, listening_socket

from . import ledgers, servers
from .test_docs import metric_names

DEPLOY = Path(__file__).parent.parent / "deploy"
DASHBOARD = DEPLOY / "grafana" / "vafa.json"
ALERTS = DEPLOY / "alerts.yml"
THE_SHOP_S_OWN = ("keys.toml", "pepper", "outbox.toml")
"""Files beside the compose file that are not ours to make."""


def unit(name: str) -> configparser.ConfigParser:
    """A unit file."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name)
    return parser


def options(words: list[str]) -> set[str]:
    """The options of a command line."""
    return {word for word in words if word.startswith("--")}


def known(command: click.Command) -> set[str]:
    """The options of a command."""
    return {name for param in command.params for name in param.opts}


def test_the_unit_s_command_is_one() -> None:
    service = unit("vafa.service")["Service"]
    words = service["ExecStart"].split()
    assert words[:2] == ["vafa", "serve"]
    assert options(words) <= known(serve)
    assert service["Type"] == "notify"
    assert unit("vafa.socket")["Socket"]["ListenStream"] == "8080"
    admin = unit("vafa-admin.socket")["Socket"]
    assert (admin["FileDescriptorName"], admin["Service"]) == ("admin", "vafa.service")


def test_the_image_s_command_is_one() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    found = re.search(r"^CMD (\[.*?\])$", text.replace("\\\n", ""), re.M | re.S)
    assert found is not None
    words = json.loads(found[1])
    assert words[0] == "serve"
    assert options(words) <= known(serve)
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    for path in re.findall(r"^\s+- \./([\w./-]+):", compose, re.M):
        assert (DEPLOY / path).is_file() or path in THE_SHOP_S_OWN, path


def services() -> dict[str, str]:
    """The services of the compose file, each as its text."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    parts = re.split(r"^  (\w+):\n", text.partition("services:\n")[2], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_who_shares_a_ledger_shares_numbers_of_processes() -> None:
    found = services()
    sharing = {name for name, text in found.items() if "ledger:/var/lib/vafa" in text}
    assert sharing == {"vafa", "outbox"}
    assert all('pid: "service:numbers"' in found[name] for name in sharing)
    # The image's check asks the other service's port.
    assert "healthcheck:\n      disable: true" in found["outbox"]
    command = re.search(r"command: (\[.*\])", found["outbox"])
    assert command is not None
    assert options(json.loads(command[1])) <= known(outbox)


def test_services_know_where_the_pepper_is() -> None:
    service = (DEPLOY / "vafa.service").read_text("utf-8")
    assert "Environment=VAFA_PEPPER_FILE=%E/vafa/pepper\n" in service
    found = services()["vafa"]
    path = re.search("VAFA_PEPPER_FILE: (.+)", found)
    assert path is not None
    assert f"./pepper:{path[1]}:ro" in found


def test_the_outbox_has_a_unit() -> None:
    service = unit("vafa-outbox.service")["Service"]
    words = service["ExecStart"].split()
    assert words[:2] == ["vafa", "outbox"]
    assert options(words) <= known(outbox)
    ledger = unit("vafa.service")["Service"]["ExecStart"].split()[2]
    assert (words[2], service["User"]) == (ledger, "vafa")


def test_the_timer_s_service_closes_yesterday(tmp_path: Path) -> None:
    command = unit("vafa-close.service")["Service"]["ExecStart"]
    # As systemd reads it: a line, its percent signs, dollars and escapes.
    joined = command.replace("\\\n", " ").replace("%%", "%").replace("$$", "$")
    joined = joined.replace("%E/vafa", str(tmp_path))
    script = joined.removeprefix("/bin/sh -c '").removesuffix("'").replace('\\\\"', '\\"')
    (tmp_path / "close-key").write_text("closing")
    keys = tmp_path / "keys.toml"
    keys.write_text(
        '[[key]]\nid = "closing"\nscopes = ["write"]\n'
        f'sha256 = "{hashlib.sha256(b"closing").hexdigest()}"\n'
    )
    # Where it is after 05:00 on the day after a date that is over.
    zone = "ABC0" if dt.datetime.now(dt.UTC).hour > 5 else "ABC6"
    with servers.serving(tmp_path / "ledger", options=["--keys", str(keys)]) as server:
        url = f"http://{servers.HOST}:{server.port}"
        env = {**os.environ, "TZ": zone, "VAFA_URL": url, "TMPDIR": str(tmp_path)}
        for status in ("ok", "replayed"):
            done = subprocess.run(
                ["/bin/sh", "-c", script], env=env, capture_output=True, text=True, check=False,
                timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert json.loads(done.stdout)["status"] == status
            assert (tmp_path / "vafa-close-header").stat().st_mode & 0o777 == 0o600
        # Without its key nobody is asked.
        (tmp_path / "close-key").unlink()
        done = subprocess.run(
            ["/bin/sh", "-c", script], env=env, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert done.returncode
        assert "close-key" in done.stderr
    assert unit("vafa-close.timer")["Timer"]["Persistent"] == "yes"


def named(text: str) -> set[str]:
    """The metrics of ours that a text names; of a histogram's series the histogram."""
    return {
        name if name in metric_names() else re.sub("_(bucket|sum|count)$", "", name)
        for name in re.findall(r"\bvafa_\w+", text)
    }


def test_alerts_and_dashboard_name_metrics_that_there_are() -> None:
    alerts = ALERTS.read_text("utf-8")
    expressions = re.findall(r"^\s+expr: (.+)$", alerts, re.M)
    assert len(expressions) == alerts.count("- alert: ") >= 7
    assert alerts.count("summary: ") == alerts.count("severity: ") == len(expressions)
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    used = named(" ".join([*expressions, *shown]))
    assert used <= set(metric_names())
    assert set(metric_names()) - named(" ".join(shown)) == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_alerts() -> None:
    subprocess.run(["promtool", "check", "rules", str(ALERTS)], check=True, capture_output=True)
    cases = Path(__file__).with_name("alerts_test.yml")
    subprocess.run(["promtool", "test", "rules", str(cases)], check=True, capture_output=True)
    told = cases.read_text("utf-8")
    for name in re.findall(r"- alert: (\w+)", ALERTS.read_text("utf-8")):
        assert len(re.findall(rf"alertname: {name}\b", told)) >= 2, name
    subprocess.run(
        ["promtool", "check", "config", str(DEPLOY / "prometheus.yml")],
        check=True, capture_output=True,
    )  # fmt: skip


# -- systemd --------------------------------------------------------------------------------------


def test_sockets_are_handed_over_and_readiness_is_told(tmp_path: Path) -> None:
    ledgers.open_writer(tmp_path / "ledger", servers.PROGRAM).close()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.settimeout(60)
    listening = [socket.create_server((servers.HOST, 0)) for _ in range(2)]
    ports = [sock.getsockname()[1] for sock in listening]
    # As the service manager does it: descriptors from 3 on, and the pid of the process itself.
    script = (
        f"exec 3<&{listening[1].fileno()} 4<&{listening[0].fileno()}; "
        f'LISTEN_PID=$$ exec "{sys.executable}" -m vafa.server serve "{tmp_path / "ledger"}"'
    )
    env = {**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "admin:tills",
           "NOTIFY_SOCKET": str(tmp_path / "notify")}  # fmt: skip
    process = subprocess.Popen(
        ["bash", "-c", script], env=env, stderr=subprocess.DEVNULL,
        pass_fds=[sock.fileno() for sock in listening],
    )  # fmt: skip
    try:
        assert told.recv(100) == b"READY=1"
        tills, operators = (servers.Connection(port) for port in ports)
        assert tills.get("/livez").status == 200
        assert tills.get("/metrics").status == 404
        assert operators.get("/metrics").status == 200
        tills.close()
        operators.close()
        process.send_signal(signal.SIGTERM)
        assert told.recv(100) == b"STOPPING=1"
        assert process.wait(20) == 0
    finally:
        process.kill()
        told.close()
        for sock in listening:
            sock.close()


# -- logs -----------------------------------------------------------------------------------------


def test_logs_are_json_without_what_is_personal(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(
        '[[key]]\nid = "till"\nscopes = ["read"]\n'
        f'sha256 = "{hashlib.sha256(b"till").hexdigest()}"\n'
    )
    arguments = ["--log-format", "json", "--keys", str(keys)]
    with servers.serving(tmp_path / "ledger", options=arguments) as running:
        keys.write_text("nonsense =")
        running.process.send_signal(signal.SIGHUP)
        servers.wait_until(lambda: "was not taken" in running.said(), 30)
        rows = [json.loads(row) for row in running.said().splitlines() if row.startswith("{")]
    (row,) = (row for row in rows if "was not taken" in row["event"])
    assert (row["level"], row["logger"]) == ("error", "vafa")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", row["timestamp"])


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_error_is_told_by_its_place(form: str) -> None:
    script = (
        "import logging\n"
        "from vafa.server.logs import set_up\n"
        f"set_up({form!r})\n"
        "try:\n"
        "    raise ValueError('09120000001')\n"
        "except ValueError:\n"
        "    logging.getLogger('vafa').exception('%s failed', 'POST')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "0912" not in done.stderr
    if form == "text":
        assert done.stderr == "POST failed\n  <string>:5 <module>\n  ValueError\n"
        return
    row = json.loads(done.stderr)
    assert (row["event"], row["error"], row["places"]) == (
        "POST failed", "ValueError", ["<string>:5 <module>"]
    )


def test_the_outbox_speaks_json(tmp_path: Path) -> None:
    ledgers.open_writer(tmp_path / "ledger", servers.PROGRAM).close()
    process = subprocess.Popen(
        [sys.executable, "-m", "vafa.server", "outbox", str(tmp_path / "ledger"),
         "--log-format", "json"], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        row = json.loads(process.stderr.readline())
        assert row["event"].startswith("outbox of ")
        assert row["level"] == "info"
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_where_it_listens_is_told_as_a_url_has_it(host: str, shown: str) -> None:
    with listening_socket(host, 0) as sock:
        assert address_of(sock) == f"{shown}:{sock.getsockname()[1]}"
