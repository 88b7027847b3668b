"""The example of `deploy/`, read by Docker Compose and hadolint, as nobody has Docker in a test."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playground.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
# Programs that came with the tests' packages lie beside the interpreter.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
GIVEN = {"SITE": "playground.example.org", "POSTGRES_PASSWORD": "secret"}


def program(name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(name, path=PATH)
    assert found is not None, f"{name} is missing: pip install -r tests/requirements.txt"
    env = {"PATH": PATH, "HOME": str(ROOT), **environment}
    return subprocess.run([found, *words], cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as Docker Compose understands them."""
    file = str(DEPLOY / "compose.yaml")
    done = program("docker-compose", "--file", file, "config", "--format", "json", **GIVEN)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found["services"]


def instructions(name: str) -> list[str]:
    """What the Dockerfile gives to an instruction, continued lines in one."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(f"{name} ")]


def test_there_are_a_proxy_two_servers_a_database_and_a_node(services) -> None:
    assert set(services) == {"proxy", "server1", "server2", "postgres", "ray"}
    assert services["server1"] == services["server2"]


def test_a_password_must_be_set() -> None:
    done = program("docker-compose", "--file", str(DEPLOY / "compose.yaml"), "config")
    assert "set a password" in done.stderr and not done.stdout


def test_every_setting_is_one_and_can_be_used(services) -> None:
    for service in services.values():
        given = service.get("environment") or {}
        values = {
            name.removeprefix("PLAYGROUND_").lower(): value
            for name, value in given.items()
            if name.startswith("PLAYGROUND_")
        }
        assert set(values) <= set(Settings.model_fields), set(values) - set(Settings.model_fields)
        Settings(**values)
    for line in instructions("ENV"):
        for name in re.findall(r"PLAYGROUND_(\w+)=", line):
            assert name.lower() in Settings.model_fields


def test_only_the_proxy_is_reached_from_outside(services) -> None:
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]
    assert {int(port["published"]) for port in services["proxy"]["ports"]} == {80, 443}


def test_each_service_is_asked_how_it_is_and_who_needs_it_waits(services) -> None:
    for name, service in services.items():
        own = name.startswith("server")  # the image's
        assert service.get("healthcheck") or (own and instructions("HEALTHCHECK")), name
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services and how["condition"] == "service_healthy"


def test_docker_waits_longer_than_a_server_takes_to_end(services) -> None:
    server = services["server1"]
    given = server["environment"]
    taken = sum(float(given[f"PLAYGROUND_{each}_SECONDS"]) for each in ("NOTICE", "DRAIN"))
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(\d+)s", server["stop_grace_period"]).groups()
    # Open answers, then checkpoints, each have as long.
    assert 60 * int(minutes or 0) + int(seconds) > taken + float(given["PLAYGROUND_DRAIN_SECONDS"])


def test_what_is_kept_is_on_a_volume_that_the_image_has_for_its_user(services) -> None:
    made = " ".join(instructions("RUN"))
    for name in ("server1", "ray"):
        for volume in services[name]["volumes"]:
            assert volume["type"] == "volume" and f" {volume['target']} " in f"{made} "
    assert "chown --recursive playground:playground /data" in made


def test_the_dockerfile_is_clean() -> None:
    done = program("hadolint", "--failure-threshold", "info", str(DEPLOY / "Dockerfile"))
    assert done.returncode == 0, done.stdout
    (user,) = instructions("USER")
    assert user.split(":")[0] not in ("0", "root")


def test_what_is_copied_is_there_and_nothing_else_is_sent() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source for line in instructions("COPY") for source in line.split()[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    assert sent == copied and "**" in ignored  # so no secrets.toml, no store, no .env


def test_the_lines_of_the_image_are_those_of_this_tree(tmp_path) -> None:
    """Its installs are those of the README; the rest is run here, on a copy."""
    _, install, compile_all = instructions("RUN")
    assert install.split()[:2] == ["pip", "install"]
    for name in re.findall(r"--requirement (\S+)", install):
        assert (ROOT / name).is_file()
    for name in compile_all.split()[4:]:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "node_modules", "*.js", "*.gz")
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignore)
        else:
            shutil.copy(source, tmp_path / name)
    words = [sys.executable, *compile_all.split()[1:]]
    assert subprocess.run(words, cwd=tmp_path).returncode == 0


def test_the_image_starts_the_server_in_its_own_place(tmp_path) -> None:
    for name in ("ray", "streamlit"):
        fake = tmp_path / name
        fake.write_text(f'#!/bin/sh\necho {name} $$ "$@" >> {tmp_path}/said\n')
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    words = ["sh", "deploy/serve.sh", "--server.allowedHosts", "a.example"]
    env = {"PATH": f"{tmp_path}{os.pathsep}{PATH}"}
    for head in ("", "ray:6379"):
        with subprocess.Popen(words, cwd=ROOT, env={**env, "RAY_HEAD": head}) as shell:
            assert shell.wait(10) == 0
            said = (tmp_path / "said").read_text().splitlines()
        assert said[-1].split()[:5] == [
            "streamlit",
            str(shell.pid),
            "run",
            "app.py",
            "--server.headless",
        ]
        assert said[-1].endswith("--server.address 0.0.0.0 --server.allowedHosts a.example")
    assert len(said) == 3 and "start --address=ray:6379 --num-cpus=0" in said[1]


def test_the_proxy_knows_the_servers_and_hides_what_operators_ask(services) -> None:
    text = (DEPLOY / "Caddyfile").read_text()
    (upstreams,) = re.findall(r"reverse_proxy (.*) {", text)
    (port,) = instructions("EXPOSE")
    assert upstreams.split() == [f"server{number}:{port}" for number in (1, 2)]
    assert "/healthz /readyz /metrics" in text and "lb_policy cookie" in text
    if shutil.which("caddy"):
        words = ("validate", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile")
        assert program("caddy", *words, SITE="localhost").returncode == 0
