"""What a name of the text means: a variable, an input, a function of the table, or nothing."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping

from . import vocabulary as voc
from .build import DTYPES
from .errors import LossError, Span, quote, suggest
from .inputs import INPUTS
from .syntax import Tree, dotted

PROPERTIES = ("shape", "T", "dtype", "ndim", "rank", "values", "indices")


class Names:
    """The names of one text; `catalog` holds the named losses by name and by Keras' name."""

    def __init__(self, tree: Tree, catalog: Mapping[str, object]) -> None:
        self.tree = tree
        self.catalog = catalog
        self.bound: set[str] = set()
        self.stored: Counter[str] = Counter()
        self.aliases: dict[str, str] = {}
        for statement in tree.body:
            for node in ast.walk(statement):
                self._collect(node)
        self.bound -= set(self.aliases)

    def _collect(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.bound |= {node.id, node.id.partition(".")[0]}  # an attribute of a class: its `self`
            self.stored[node.id] += 1
        elif isinstance(node, ast.FunctionDef):
            values = node.args
            self.bound |= {node.name, node.name.partition(".")[0]}
            self.bound |= {a.arg for a in (*values.posonlyargs, *values.args, *values.kwonlyargs)}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in voc.MODULES:
                    full = voc.MODULES[alias.name]
                    if alias.asname:
                        self.aliases[alias.asname] = full
                    else:
                        self.aliases[alias.name.split(".")[0]] = full.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = voc.MODULES.get(node.module or "")
            for alias in node.names:
                if module is not None:
                    name = f"{module}.{alias.name}"
                    self.aliases[alias.asname or alias.name] = name

    def check_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Accept an import that only names what is here already; refuse the rest."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in voc.MODULES:
                    raise self._import_error(alias, alias.name)
                self._check_alias(alias)
            return
        if node.level or node.module not in voc.MODULES:
            raise self._import_error(node, node.module or ".")
        module = voc.MODULES[node.module]
        for alias in node.names:
            self._check_alias(alias)
            full = f"{module}.{alias.name}"
            if not (full in voc.NAMESPACES or full in voc.STEPS or self.lookup(full)):
                raise self._import_error(alias, f"{node.module}.{alias.name}")

    def _check_alias(self, alias: ast.alias) -> None:
        name = alias.asname or alias.name
        if name.startswith("_") or "__" in name or name in INPUTS:
            raise LossError(
                f"{quote(name)} cannot be the name of a module",
                self.tree.span(alias),
                hint="choose another name",
            )

    def _import_error(self, node: ast.AST, name: str) -> LossError:
        return LossError(
            f"{quote(name)} cannot be imported",
            self.tree.span(node),
            hint="nothing needs importing: K, tf, ops, np, math and keras.losses are there",
        )

    def resolve(self, name: str) -> str:
        """`name` with an imported alias written out."""
        root, dot, rest = name.partition(".")
        full = self.aliases.get(root)
        if full is None:
            short = {"numpy": "np", "tensorflow": "tf"}.get(root, root)
            return short + dot + rest
        return full + dot + rest

    def lookup(self, name: str) -> str | None:
        """The kind of a resolved dotted name: function, constant, type, axis, loss, or None."""
        place = voc.split_name(name)
        if place is None:
            return None
        key = ":".join(place)
        space, last = place
        bare = name == last and key not in voc.FUNCTIONS
        if bare and last in self.catalog:
            return "loss"
        if space == "losses" and last in voc.LOSS_CLASSES:
            return "class"
        if space == "losses":
            return "loss" if last in self.catalog else None
        if key in voc.FUNCTIONS:
            return "function"
        if last == "einsum" and space in ("ops", "np", "tf"):
            return "function"
        if key in voc.CONSTANTS:
            return "constant"
        if key in voc.TYPES:
            return "type"
        return "axis" if key in voc.NEW_AXIS else None

    def is_variable(self, node: ast.expr) -> bool:
        name = dotted(node)
        root = name.split(".")[0] if name else ""
        return root in self.bound or (root in INPUTS and root not in self.aliases)

    def check_name(self, node: ast.expr, called: bool) -> bool:
        """The walker's question; raises `LossError` where the name means nothing."""
        name = dotted(node)
        if name is None or self.is_variable(node):
            return self._check_part(node, name is None)
        full = self.resolve(name)
        kind = self.lookup(full)
        if kind is None:
            raise self._unknown(node, name, full)
        if kind in ("function", "loss", "class") and not called:
            hint = f"call it: {name}(...)"
            place = voc.split_name(full)
            if (isinstance(node, ast.Name) and name in DTYPES) or ":".join(
                place or ()
            ) in voc.TYPES:
                return True
            raise LossError(
                f"{quote(name)} is a function, not a value", self.tree.span(node), hint=hint
            )
        return True

    def _check_part(self, node: ast.expr, loose: bool) -> bool:
        if isinstance(node, ast.Name):
            return True
        if isinstance(node, ast.Attribute):
            inner = node.value
            if isinstance(inner, ast.Attribute) and (loose or self.is_variable(inner)):
                self._check_part(inner, dotted(inner) is None)
            if node.attr not in voc.METHODS and node.attr not in PROPERTIES:
                near = suggest(node.attr, [*voc.METHODS, *PROPERTIES])
                end = self.tree.span(node)
                at = Span(
                    end.end_line, end.end_column - len(node.attr), end.end_line, end.end_column
                )
                raise LossError(
                    f"a value has no part called {quote(node.attr)}",
                    at,
                    hint=f"did you mean '.{near}'?" if near else "use a function instead",
                    fix=near,
                )
        return False

    def _unknown(self, node: ast.expr, name: str, full: str) -> LossError:
        span = self.tree.span(node)
        if full in voc.NAMESPACES or full in voc.STEPS:
            return LossError(
                f"{quote(name)} is a collection of functions, not a value",
                span,
                hint=f"write one of its functions, such as {name}.{_example(full)}",
            )
        root, last = full.split(".")[0], full.split(".")[-1]
        if root in ("torch", "F", "nn"):
            bare = last if self.lookup(last) == "function" else None
            return LossError(
                f"{quote(name)} is PyTorch",
                span,
                hint=f"write {bare}" if bare else "use the bare name, such as sum, mean, softmax",
                fix=bare,
                also=self._elsewhere(name, span, bare),
            )
        random = ".random." in f".{full}."
        refused = voc.REFUSED["normal"] if random else voc.REFUSED.get(last)
        if refused:
            return LossError(f"{quote(name)} is not part of the language", span, hint=refused)
        known = [*voc.known_names(), *self.catalog]
        if "." in full and voc.split_name(full):
            space = (voc.split_name(full) or ("", ""))[0]
            inside = [k.partition(":")[2] for k in voc.FUNCTIONS if k.startswith(space + ":")]
            inside += list(self.catalog) if space == "losses" else []
            near = suggest(last, inside)
            prefix = name.rpartition(".")[0]
            fix = f"{prefix}.{near}" if near else None
        else:
            meant = voc.HABITS.get(name.lower())
            fix = near = meant or suggest(name, [*known, *self.bound, *INPUTS])
        return LossError(
            f"unknown name {quote(name)}" + (f": did you mean '{fix}'?" if near else ""),
            span,
            hint=None if near else "see the list of functions, or assign it first",
            fix=fix,
            also=self._elsewhere(name, span, fix),
        )

    def _elsewhere(self, name: str, here: Span, fix: str | None) -> list[tuple[Span, str]]:
        """Where else the text has this name, with what it is replaced by."""
        if fix is None:
            return []
        spans = [
            self.tree.span(node)
            for statement in self.tree.body
            for node in ast.walk(statement)
            if isinstance(node, (ast.Name, ast.Attribute)) and dotted(node) == name
        ]
        return [(span, fix) for span in sorted(spans) if span != here]


def _example(name: str) -> str:
    return "mean_squared_error(y_true, y_pred)" if name.endswith("losses") else "mean(x, axis=-1)"
