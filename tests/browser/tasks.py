"""A short run of each task that has a page of its own, recorded once, so that their pages can be
pictured without training. `python -m tests.browser.tasks` records them anew, after a change of what
such a run says; their pictures are then taken anew as well.
"""

import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

from playground.runs.store import Store
from playground.spec import RunSpec
from tests.browser.replay import replay

STORE = Path(__file__).with_name("tasks.zip")
FIELDS = {"dataset": "digits", "train_images": 400, "batch_size": 50, "width": 4, "evaluations": 1}
# By the path of the page.
SPECS = {
    "siamese": {**FIELDS, "task": "siamese", "epochs": 3},
    "incremental": {**FIELDS, "task": "incremental", "epochs": 10, "exemplars": 10},
    "autoencoder": {**FIELDS, "task": "autoencoder", "epochs": 4},
}


def replayed(task: str, into: Store, folder: Path) -> str:
    """The id of a run that holds all that the recorded one of a task said. `folder` is for the
    recorded store's files."""
    with zipfile.ZipFile(STORE) as archive:
        archive.extractall(folder)
    with closing(_store(folder)) as recorded:
        run = next(each.id for each in recorded.runs(limit=99) if each.spec.task == task)
    return replay(into, folder, None, STORE, run)


def main() -> None:
    """Trains the runs into a store and keeps it."""
    from playground import train

    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        with closing(_store(folder)) as store:
            for fields in SPECS.values():
                spec = RunSpec.parse(fields)
                run_id = store.create(spec, "someone", "preparing")
                for event in train(spec):
                    store.record(run_id, event)
        with zipfile.ZipFile(STORE, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
    print(f"{STORE.stat().st_size:,} bytes")


def _store(folder: Path) -> Store:
    return Store(f"sqlite:///{(folder / 'playground.sqlite').as_posix()}", folder / "runs")


if __name__ == "__main__":
    main()
