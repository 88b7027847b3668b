"""What real runs with a known cause are told: tests/benchmarks/verdicts.py <what> [options]

judge   trains what is not yet in the cache, judges all, prints causes x named and what is false
obey    trains each run that was given a next step once more as it says, and compares
posts   ten public posts on training problems, replayed: what is said of them now

--seeds N   how many seeds a run (3)       --only NAME ...   these runs (names of the table)
--cache DIR where trained runs are kept    --say             every verdict in words

Runs are kept in a store outside the repository (~/.cache/loss-playground/verdicts), trained once
and judged again in seconds; delete it where a change moved the numbers of runs.
"""

import argparse
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from playground.runs.store import Store, open_store
from playground.settings import Settings
from tests.playground.verdicts import told
from tests.playground.verdicts.cases import CASES, runs
from tests.playground.verdicts.posts import POSTS

CACHE = Path.home() / ".cache" / "loss-playground" / "verdicts"


def judge(store: Store, options: argparse.Namespace) -> None:
    """The table of causes x named, and every run that is told something false."""
    table: Counter[tuple[str, str]] = Counter()
    false, silent, named = [], [], 0
    ill = 0
    for case, seed in runs(options.seeds, tuple(options.only)):
        began = time.perf_counter()
        found = told.judged(store, case.spec(seed))
        seconds = time.perf_counter() - began
        deserved = case.causes[0] or "healthy"
        table[deserved, found.cause or "none"] += 1
        right = found.cause in case.causes
        ill += not case.healthy
        named += right and not case.healthy
        if not right:
            (false if found.cause or case.healthy else silent).append((case.name, seed, found))
        if options.say or seconds > 1:
            print(f"{case.name} [{seed}] {seconds:.1f} s: {'' if right else 'NOT RIGHT '}"
                  f"<{found.kind}/{found.cause}> {found.sentence} NEXT {found.step}",
                  flush=True)  # fmt: skip
    for what, which in (("false", false), ("silent", silent)):
        for name, seed, found in which:
            print(f"{what}: {name} [{seed}] <{found.kind}/{found.cause}> {found.sentence}")
    said = f"{ill} with a cause, named in {named}, silent {len(silent)}, false {len(false)}"
    print(f"{sum(table.values())} runs, {said}")
    show(table)


def obey(store: Store, options: argparse.Namespace) -> None:
    """Trains what each next step advises, and says in which respect the changed run is better."""
    better: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for case, seed in runs(options.seeds, tuple(options.only)):
        spec = case.spec(seed)
        found = told.judged(store, spec)
        if not found.change:
            continue
        changed = type(spec).parse({**spec.model_dump(), **found.change})
        before, after = (told.measured(store, each)[found.respect] for each in (spec, changed))
        won = told.is_better(found.respect, before, after)
        tried[found.respect] += 1
        better[found.respect] += won
        print(f"{'better' if won else 'WORSE '} {case.name} [{seed}] <{found.cause}> {found.step} "
              f"{found.respect}: {before:.4g} -> {after:.4g}", flush=True)  # fmt: skip
    for respect, count in tried.items():
        print(f"{respect}: better in {better[respect]} of {count}")


def posts(store: Store, options: argparse.Namespace) -> None:
    """Ten posts, with what is said of them before training and after it."""
    for url, case in POSTS:
        if options.only and case.name not in options.only:
            continue
        spec = case.spec(0)
        found = told.judged(store, spec)
        started = store.started(told.trained(store, spec).id)
        warned = started.loss["warnings"] if started is not None else []
        right = "named" if found.cause in case.causes else "NOT NAMED"
        print(f"{right} {case.name} ({url})\n  before: {'; '.join(warned) or '-'}\n"
              f"  after: <{found.kind}/{found.cause}> {found.sentence} NEXT {found.step}",
              flush=True)  # fmt: skip


def show(table: Counter[tuple[str, str]]) -> None:
    """Rows: what was done to a run; columns: what was named."""
    rows = list(dict.fromkeys(case.causes[0] or "healthy" for case in CASES))
    columns = ["none", *(row for row in rows if row != "healthy")]
    columns += sorted({said for _, said in table} - set(columns))
    for row in rows:
        said = {column: table[row, column] for column in columns if table[row, column]}
        print(f"| {row} | {', '.join(f'{name} {count}' for name, count in said.items())} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["judge", "obey", "posts"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--say", action="store_true")
    options = parser.parse_args()
    with closing(open_store(Settings(home=options.cache))) as store:
        {"judge": judge, "obey": obey, "posts": posts}[options.what](store, options)


if __name__ == "__main__":
    main()
