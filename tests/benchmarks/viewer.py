"""What one viewer of a live run is sent: messages and bytes a second.

    python tests/benchmarks/viewer.py [--dataset mnist] [--evaluations 10] [--seconds 20]

A run trains in a worker as the app has it, and the app's own route is asked for its stream. Set
PLAYGROUND_DATA; put the folder of another version into PYTHONPATH to measure that.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0:0] = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), str(ROOT)]

from starlette.applications import Starlette  # noqa: E402

from pages.live import routes  # noqa: E402
from playground import RunSpec  # noqa: E402
from playground.runs.store import open_store  # noqa: E402
from playground.runs.supervisor import Supervisor  # noqa: E402
from playground.settings import Settings  # noqa: E402


async def watch(run_id: str, seconds: float) -> tuple[int, int]:
    """Messages and bytes within so many seconds, the first message aside."""
    app = Starlette(routes=routes.routes())
    gone, sizes = asyncio.Event(), []

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if b"data:" in message.get("body", b""):
            sizes.append(len(message["body"]))

    path = "/live/stream"
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "headers": [], "query_string": f"runs={run_id}".encode()}  # fmt: skip
    asking = asyncio.create_task(app(scope, receive, send))
    while not sizes:
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)
    before = len(sizes)
    await asyncio.sleep(seconds)
    counted = sizes[before:]
    gone.set()
    await asking
    return len(counted), sum(counted)


def main() -> None:
    """Prints both, a second."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--evaluations", type=int, default=10, help="in an epoch")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--train-images", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), workers=1)
        service = Supervisor(settings, open_store(settings))
        routes.service = lambda: service  # type: ignore[assignment]
        service.listeners.append(routes.feed.wake)
        service.start()
        spec = RunSpec(
            dataset=arguments.dataset,
            epochs=200,
            evaluations=arguments.evaluations,
            train_images=arguments.train_images,
        )
        run_id = service.submit(spec, "me")
        while (record := service.store.run(run_id)) is None or record.state != "running":
            time.sleep(0.2)
        first = len(service.store.series(run_id, "validation_loss")[0])
        messages, size = asyncio.run(watch(run_id, arguments.seconds))
        evaluated = len(service.store.series(run_id, "validation_loss")[0]) - first
        service.close()
        service.store.close()
    seconds = arguments.seconds
    print(
        f"{evaluated / (seconds + 1):.1f} evaluations a second: a viewer is sent "
        f"{messages / seconds:.1f} messages and {size / seconds / 1000:.1f} kB a second"
    )


if __name__ == "__main__":
    main()
