"""What looking into a network costs its training, and how many bytes a viewer is sent.

    python tests/benchmarks/looks.py [--dataset mnist] [--seconds 8] [--pairs 6]

One run trains in a worker as the app has it. Stretches in which a viewer looks at every map once a
second take turns with stretches in which nobody looks; what counts is the ratio of the medians.
Set PLAYGROUND_DATA.
"""

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pages.live.packing import pack  # noqa: E402
from playground import RunSpec  # noqa: E402
from playground.runs.store import open_store  # noqa: E402
from playground.runs.supervisor import Supervisor  # noqa: E402
from playground.settings import Settings  # noqa: E402


def main() -> None:
    """Prints the speed of each stretch, the ratio and the bytes of a look."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--pairs", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), workers=1)
        service = Supervisor(settings, open_store(settings))
        service.start()
        service.questions.start_looking()
        spec = RunSpec(dataset=arguments.dataset, epochs=200)
        run_id = service.submit(spec, "me")
        while not service.store.snapshots(run_id, "weights"):
            time.sleep(0.2)
        service.questions.ask("maps", run=run_id, image={"test": 0})  # the looker reads the data
        time.sleep(5)
        sizes: list[int] = []

        def stretch(looking: bool) -> float:
            before, began = service.store.run(run_id), time.perf_counter()
            while (passed := time.perf_counter() - began) < arguments.seconds:
                if looking:
                    found = service.questions.ask("maps", run=run_id, image={"test": 0})
                    sizes.append(len(gzip.compress(pack(found), 1)))
                left = int(passed) + 1 - (time.perf_counter() - began)
                time.sleep(max(0.0, left))
            after = service.store.run(run_id)
            assert before is not None and after is not None
            assert after.state == "running", after.message
            return (after.step - before.step) * spec.batch_size / (after.seconds - before.seconds)

        alone, watched = [], []
        for pair in range(arguments.pairs):
            for looking, speeds in ((False, alone), (True, watched)):
                speeds.append(stretch(looking))
                word = "looked at" if looking else "alone"
                print(f"{pair + 1}  {word:10} {speeds[-1]:8,.0f} images/s", flush=True)
        service.close()
        service.store.close()
    ratio = statistics.median(watched) / statistics.median(alone)
    print(f"\nlooked at once a second: {ratio:.3f} × the speed of nobody looking")
    print(f"{statistics.median(sizes) / 1000:.0f} kB a look, compressed")


if __name__ == "__main__":
    main()
