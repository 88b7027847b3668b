"""Who imports whom among our modules, read from their source: nothing is imported for it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = ("losses", "playground", "pages")


@dataclass(frozen=True)
class Import:
    """One import of a module: of which module, in which line, and whether a function makes it."""

    of: str
    line: int
    inside: bool


def sources() -> dict[str, Path]:
    """Our modules by their dotted names."""
    found = {"app": ROOT / "app.py"}
    for path in (path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, ours: dict[str, Path]) -> Iterator[Import]:
    """What a module imports, ours and others; not what type checkers alone read."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, inside = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, inside)
        if isinstance(node, ast.ImportFrom):
            up = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            )
            base = ".".join([*up, *([node.module] if node.module else [])])
            for alias in node.names:
                below = f"{base}.{alias.name}"
                yield Import(below if below in ours else base, node.lineno, inside)
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        pending += [(child, inside) for child in ast.iter_child_nodes(node)]


def graph(also_inside: bool) -> dict[str, set[str]]:
    """By module, what it imports; `also_inside` of functions."""
    ours = sources()
    return {
        name: {each.of for each in imports(name, path, ours) if also_inside or not each.inside}
        for name, path in ours.items()
    }


def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    """All that importing a module imports, itself among it; of a package also its `__init__`."""
    found: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        pending += edges.get(name, ())
        pending += [name.rpartition(".")[0]] if "." in name else []
    return found


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules that import each other, by whatever way round."""
    ways = {name: _below(name, edges) for name in edges}
    found: list[set[str]] = []
    for name in edges:
        circle = {other for other in ways[name] if name in ways.get(other, ())}
        if circle and circle not in found:
            found.append(circle)
    return found


def _below(start: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(edges[start])
    while pending:
        name = pending.pop()
        if name in edges and name not in found:
            found.add(name)
            pending += edges[name]
    return found
