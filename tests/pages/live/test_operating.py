"""What an operator asks: that the server lives and is ready, and its numbers for Prometheus."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware

from pages.live import operating
from pages.live.hosts import Hosts
from playground.errors import RunError, StoreError
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from tests.pages.live.test_routes import Answer, ask, finished
from tests.playground.runs.serving import QUICK, SHORT, until

HERE, ELSEWHERE = ("127.0.0.1", 50_000), ("192.0.2.7", 50_000)


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    given = Settings(home=tmp_path, workers=1, warm_workers=1)
    monkeypatch.setattr(operating, "settings", lambda: given)
    made = Supervisor(given, open_store(given), QUICK)
    monkeypatch.setattr(operating, "service", lambda: made)
    made.start(checking=False)
    until(lambda: made.status()["warm"] == 1)
    yield made
    made.close()
    made.store.close()


def get(path: str, where: tuple[str, int] = HERE, **headers: str) -> Answer:
    """What the server answers to a program that asks it by its number."""
    app = Starlette(routes=operating.routes(), middleware=[Middleware(Hosts)])

    async def scenario() -> Answer:
        return await ask(
            lambda scope, *rest: app({**scope, "client": where}, *rest),
            path,
            Answer(),
            host="10.0.0.7:8501",
            **headers,
        )

    found: Answer = finished(scenario)
    return found


def numbers(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_is_answered_by_number_and_name() -> None:
    assert get("/healthz", ELSEWHERE).body == b"ok"


def test_ready_says_what_is_missing(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = get("/readyz")
    assert found.status == 503 and "workers" in json.loads(
        found.body
    )  # the checking one is left out
    monkeypatch.setattr(supervisor.questions, "ready", lambda role: True)
    assert json.loads(get("/readyz").body) == {"ready": True}

    supervisor.leave()
    found = get("/readyz")
    assert found.status == 503 and "ending" in json.loads(found.body)
    with pytest.raises(RunError, match="shutting down"):
        supervisor.submit(SHORT, "me")
    monkeypatch.setattr(supervisor, "leaving", False)

    def broken(limit: int) -> None:
        raise StoreError("The store is locked.")

    monkeypatch.setattr(supervisor.store, "runs", broken)
    found = get("/readyz")
    assert found.status == 503
    assert json.loads(found.body) == {"ready": False, "store": "The store is locked."}


def test_numbers_count_runs_steps_and_deaths(supervisor: Supervisor) -> None:
    before = numbers(get("/metrics").body.decode())
    run = supervisor.submit(SHORT, "v" * 24)
    until(lambda: (found := supervisor.store.run(run)) is not None and not found.live)
    now = numbers(get("/metrics").body.decode())
    ended = "playground_runs_ended_totalcompleted"
    assert now[ended] - before.get(ended, 0) == 1
    assert now["playground_steps_total"] > before["playground_steps_total"]
    assert now["playground_store_seconds_countrecord"] > 0
    waits = "playground_run_wait_seconds_count"
    assert now[waits] - before[waits] == 1
    assert {now[f"playground_runs{each}"] for each in ("queued", "running", "paused")} == {0}
    assert now["playground_running"] == now["playground_queued"] == now["playground_viewers"] == 0
    next(iter(supervisor._slots)).kill()
    died = "playground_worker_deaths_totaltrain"
    until(lambda: numbers(get("/metrics").body.decode()).get(died, 0) > before.get(died, 0))


def test_numbers_are_told_to_this_machine_alone_or_for_a_token(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get("/metrics", ELSEWHERE).status == 403
    assert get("/metrics", x_forwarded_for="192.0.2.7").status == 403
    monkeypatch.setattr(operating, "settings", lambda: Settings(metrics_token="secret"))
    for sent, status in {"Bearer secret": 200, "Bearer other": 403, "secret": 403}.items():
        assert get("/metrics", ELSEWHERE, authorization=sent).status == status
    assert get("/metrics").status == 403


def test_nothing_of_a_visitor_is_told(supervisor: Supervisor) -> None:
    visitor = "w" * 24
    run = supervisor.submit(SHORT, visitor)
    until(lambda: (found := supervisor.store.run(run)) is not None and not found.live)
    said = (get("/metrics").body + get("/readyz").body).decode()
    assert not any(each in said for each in (visitor, SHORT.loss, run))
