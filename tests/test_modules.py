"""The three floors: who may import whom, and where."""

import ast
import re

import pytest

from tests.imports import FLOORS, ROOT, Import, circles, graph, imports, reached, sources

# What the server's process must not pay for, so that a function of the worker imports it.
HEAVY = {"tensorflow", "keras", "sklearn", "scipy"}
# And libraries of file formats, which nobody needs but who takes a run home.
HEAVY |= {"nbformat", "pyarrow", "tensorboard"}
# Modules that are imported before anything is needed of them: what they import in a function they
# need for one answer, or once they are warm, or for one command.
LATE = {
    "playground.worker",
    "playground.answers",
    "playground.__main__",
    "playground.terminal_run",
    "playground.analysis",
    "playground.verdicts.asked",
}
# Other imports inside functions, by module, whose reason is a third one.
REASONS = {
    # A spec is of the class of its task, and a task's file declares such a class.
    "playground.spec": {"playground.tasks"},
    # A task tells of a run what only those ask for who take it home.
    "playground.tasks.classification": {"playground.export_classification"},
    "playground.tasks.siamese": {"playground.export_siamese"},
    "playground.tasks.incremental": {"playground.export_incremental"},
    "playground.tasks.autoencoder": {"playground.export_autoencoder"},
    "playground.tasks.detection": {"playground.export_detection"},
}


@pytest.mark.parametrize("floor", range(len(FLOORS)))
def test_imports_point_down(floor: int) -> None:
    above = FLOORS[floor + 1 :]
    for name, path in sources().items():
        if name.split(".")[0] == FLOORS[floor]:
            found = [each.of for each in imports(name, path, sources())]
            assert not [of for of in found if of.split(".")[0] in (*above, "app")], name


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circles(graph(also_inside=False)) == []


def test_the_one_circle_of_late_imports_is_the_table_of_tasks() -> None:
    """A spec looks its class up in the table of tasks, and a task names what it does in the worker
    and in a script: without these there is no way back up."""
    edges = graph(also_inside=True)
    edges["playground.spec"] -= {"playground.tasks"}
    for task in [name for name in edges if name.startswith("playground.tasks.")]:
        own = f"playground.training.{task.rpartition('.')[2]}"
        edges[task] -= {of for of in edges[task] if of == own or of.startswith("playground.export")}
    assert circles(edges) == []


def test_the_ground_floor_has_no_circle_at_all() -> None:
    edges = {n: of for n, of in graph(also_inside=True).items() if n.startswith("losses")}
    assert circles(edges) == []


def test_a_function_imports_only_what_is_heavy_or_has_a_reason() -> None:
    edges, ours = graph(also_inside=False), sources()
    found = {}
    for name, path in ours.items():
        late = [each for each in imports(name, path, ours) if each.inside]
        if name not in LATE:
            found[name] = {each.of for each in late if not _heavy(each, edges)}
    assert {name: of for name, of in found.items() if of} == REASONS


def _heavy(late: Import, edges: dict[str, set[str]]) -> bool:
    return any(name.split(".")[0] in HEAVY for name in reached(late.of, edges))


def test_ray_stays_in_a_process_of_its_own() -> None:
    """That speaks to the cluster; of ours, only nodes import what an actor is."""
    edges = graph(also_inside=True)
    with_ray = {
        name for name, of in edges.items() if any(each.split(".")[0] == "ray" for each in of)
    }
    assert with_ray == {"playground.runs.ray_relay"}
    assert not [name for name, of in edges.items() if of & with_ray]


def test_private_names_stay_in_their_file() -> None:
    """None is imported; that none is read off another module, Ruff sees (SLF001)."""
    for name, path in sources().items():
        tree = ast.parse(path.read_text())
        taken = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
        private = [
            alias.name for each in taken for alias in each.names if alias.name.startswith("_")
        ]
        assert set(private) <= {"__version__"}, (name, private)


def test_what_a_session_holds_has_a_type() -> None:
    """No page reads a key of the session as an attribute, which nothing checks: `session.Key`."""
    for path in (ROOT / "pages").rglob("*.py"):
        loose = re.findall(
            r"session_state\.(?!get\b|pop\b|update\b|setdefault\b)\w+", path.read_text()
        )
        assert not loose, (path, loose)
