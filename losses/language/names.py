"""What a name of the text means: a variable, an input, a function of the table, or nothing."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Mapping

from . import vocabulary as voc
from .errors import LossError, Span, quote, suggest
from .grammar import dotted
from .inputs import INPUTS, Input, Provided
from .syntax import Tree

PROPERTIES = ("shape", "T", "dtype", "ndim", "rank", "values", "indices", "value")
# What an import may not give another meaning.
_OURS = ("np", "tf", "K", "keras", "math")
_FUTURE = ("absolute_import", "annotations", "division", "generators", "nested_scopes",
           "print_function", "unicode_literals", "with_statement")  # fmt: skip
_TORCH = ("torch", "torchvision", "pytorch_lightning", "lightning")


class Names:
    """The names of one text; `catalog` holds the named losses by name and by Keras' name. Of
    `provided` are the inputs that a run has, and what other runs have."""

    def __init__(
        self, tree: Tree, catalog: Mapping[str, object], provided: Provided | None = None
    ) -> None:
        self.provided = provided
        self.inputs: Mapping[str, Input] = INPUTS if provided is None else provided.known
        self.offered: Mapping[str, Input] = INPUTS if provided is None else provided.offered
        self.others: Mapping[str, str] = {} if provided is None else provided.others
        self.tree = tree
        self.catalog = catalog
        self.bound: set[str] = set()
        self.stored: Counter[str] = Counter()
        self.aliases: dict[str, str] = {}
        self.foreign: dict[str, str] = {}  # imported, and not of the table
        for statement in tree.body:
            for node in ast.walk(statement):
                self._collect(node)
        self.foreign = {n: m for n, m in self.foreign.items() if n not in self.bound}
        # A leading dot begins no name of the table.
        self.aliases.update((name, f".{full}") for name, full in self.foreign.items())
        self.bound -= set(self.aliases)

    def _collect(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.bound |= {
                node.id,
                node.id.partition(".")[0],
            }  # an attribute of a class: its `self`
            self.stored[node.id] += 1
        elif isinstance(node, ast.arg):
            self.bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            values = node.args
            self.bound |= {node.name, node.name.partition(".")[0]}
            self.bound |= {a.arg for a in (*values.posonlyargs, *values.args, *values.kwonlyargs)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._collect_import(node)

    def _collect_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """What an import names: things of the table, or of a module that is not here."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = voc.MODULES.get(alias.name)
                root = alias.name.split(".")[0]
                if full is not None and alias.asname:
                    self.aliases[alias.asname] = full
                elif alias.asname or root not in voc.MODULES:
                    self.foreign[alias.asname or root] = alias.name
                else:
                    self.aliases[root] = voc.MODULES[root]
            return
        module = None if node.level else voc.MODULES.get(node.module or "")
        for alias in node.names:
            name = alias.asname or alias.name
            if module is not None:
                self.aliases[name] = f"{module}.{alias.name}"
            else:
                self.foreign[name] = f"{node.module or '.'}.{alias.name}"

    def check_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """An import is read over: what it names and is not here is told where it is used. Refused
        is one that changes the grammar, names nothing, or takes a name that is needed."""
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if module == "__future__":
            unknown = [a.name for a in node.names if a.name not in _FUTURE]
            if unknown:
                raise self._import_error(node, f"__future__.{unknown[0]}", "remove it")
            return
        for alias in node.names:
            self._check_alias(alias)
            whole = alias.name if isinstance(node, ast.Import) else module
            if "__" in whole or whole.startswith("_"):
                raise self._import_error(node, whole, "remove it")
            if alias.name == "*" and module not in voc.MODULES:
                raise self._import_error(
                    node, f"{module}.*", f"write what is used of it: from {module} import name"
                )
            if alias.asname in _OURS and alias.asname in self.foreign:
                raise self._import_error(
                    alias, alias.name, f"{alias.asname} has a meaning here: choose another name"
                )

    def _check_alias(self, alias: ast.alias) -> None:
        name = alias.asname or alias.name
        if name.startswith("_") or "__" in name or name in self.inputs:
            raise LossError(
                f"{quote(name)} cannot be the name of a module",
                self.tree.span(alias),
                hint="choose another name",
            )

    def _import_error(self, node: ast.AST, name: str, hint: str) -> LossError:
        return LossError(f"{quote(name)} cannot be imported", self.tree.span(node), hint=hint)

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
        if key in voc.CLASSES:
            return "measure"
        if space == "losses" and last in voc.LOSS_CLASSES:
            return "class"
        if key in voc.FUNCTIONS:
            return "function"
        if space == "losses":
            return "loss" if last in self.catalog else None
        if last == "einsum" and space in ("ops", "np", "tf"):
            return "function"
        if key in voc.CONSTANTS:
            return "constant"
        if key in voc.TYPES:
            return "type"
        if key in voc.WORDS:
            return "word"
        return "axis" if key in voc.NEW_AXIS else None

    def is_variable(self, node: ast.expr) -> bool:
        name = dotted(node)
        root = name.split(".")[0] if name else ""
        return root in self.bound or (root in self.inputs and root not in self.aliases)

    def check_name(self, node: ast.expr, called: bool) -> bool:
        """The walker's question; raises `LossError` where the name means nothing."""
        name = dotted(node)
        if name is None or self.is_variable(node):
            return self._check_part(node, name is None)
        full = self.resolve(name)
        kind = self.lookup(full)
        if kind is None:
            raise self._unknown(node, name, full, called)
        return True

    def _check_part(self, node: ast.expr, loose: bool) -> bool:
        if isinstance(node, ast.Name):
            return True
        if isinstance(node, ast.Attribute):
            inner = node.value
            if isinstance(inner, ast.Attribute) and (loose or self.is_variable(inner)):
                self._check_part(inner, dotted(inner) is None)
            if node.attr not in (*voc.METHODS, *PROPERTIES, *voc.METRIC_METHODS):
                near = suggest(node.attr, [*voc.METHODS, *PROPERTIES])
                torch = voc.TORCH_METHODS.get(node.attr)
                end = self.tree.span(node)
                at = Span(
                    end.end_line, end.end_column - len(node.attr), end.end_line, end.end_column
                )
                if torch is not None:
                    hint, fix = torch
                    raise LossError(f"'.{node.attr}' is PyTorch", at, hint=hint, fix=fix)
                raise LossError(
                    f"a value has no part called {quote(node.attr)}",
                    at,
                    hint=f"did you mean '.{near}'?" if near else "use a function instead",
                    fix=near,
                )
        return False

    def _unknown(self, node: ast.expr, name: str, full: str, called: bool) -> LossError:
        span = self.tree.span(node)
        if full in voc.NAMESPACES or full in voc.STEPS:
            return LossError(
                f"{quote(name)} is a collection of functions, not a value",
                span,
                hint=f"write one of its functions, such as {name}.{_example(full)}",
            )
        root, last = full.split(".")[0], full.split(".")[-1]
        module = self.foreign.get(name.split(".")[0], "")
        if root in ("torch", "F", "nn") or module.split(".")[0] in _TORCH:
            bare = voc.TORCH.get(last, last)
            bare = bare if self.lookup(bare) == "function" else ""
            return LossError(
                f"{quote(name)} is PyTorch",
                span,
                hint=f"write {bare}" if bare else "use the bare name, such as sum, mean, softmax",
                fix=bare or None,
                also=self._elsewhere(name, span, bare or None),
            )
        if module:
            bare = last if called and self.lookup(last) in ("function", "loss") else ""
            hint = f"write {bare}" if bare else "write what it computes"
            if bare == name:
                bare, hint = "", f"remove its import: {name} is here already"
            return LossError(
                f"{quote(name)} is of {quote(module)}, which is not here",
                span,
                hint=hint,
                fix=bare or None,
                also=self._elsewhere(name, span, bare or None),
            )
        random = ".random." in f".{full}."
        refused = voc.REFUSED["normal"] if random else voc.REFUSED.get(last)
        if refused:
            return LossError(f"{quote(name)} is not part of the language", span, hint=refused)
        if (
            self.provided is not None
            and name in self.provided.elsewhere
            and (name not in self.others)
        ):
            meant = voc.HABITS.get(name.lower())
            if meant not in self.offered:  # what it is called everywhere goes before
                message, hint = self.provided.refuse(name)
                return LossError(message, span, hint=hint)
        last_line = self.tree.body[-1] if self.tree.body else None
        alone = isinstance(last_line, ast.Expr) and last_line.value is node  # is called, too
        if name in self.others:
            return self.called_otherwise(node, name, everywhere=True)
        near = self._near(name, full, called or alone)
        return LossError(
            f"unknown name {quote(name)}" + (f": did you mean '{near}'?" if near else ""),
            span,
            hint=None if near else _called_here(last, called),
            fix=near,
            also=self._elsewhere(name, span, near),
        )

    def called_otherwise(self, node: ast.expr, name: str, everywhere: bool) -> LossError:
        """That a name which pasted code has is another one here; the fix writes that, at once
        wherever the name stands, unless the text gives it a meaning somewhere."""
        span, here = self.tree.span(node), self.others[name]
        also = self._elsewhere(name, span, here) if everywhere else []
        return LossError(f"{quote(name)} is {here} here", span, fix=here, also=also)

    def _near(self, name: str, full: str, called: bool) -> str | None:
        """What a name may stand for: a function where it is called, a value where it is not."""
        last = full.rpartition(".")[2]
        space = (voc.split_name(full) or ("", ""))[0] if "." in full else ""
        if space:
            inside = [k.partition(":")[2] for k in voc.FUNCTIONS if k.startswith(space + ":")]
            inside += list(self.catalog) if space == "losses" else []
            inside += list(voc.LOSS_CLASSES) if space == "losses" else []
            inside += [k.partition(":")[2] for k in voc.CLASSES if k.startswith(space + ":")]
            near = suggest(last, [n for n in inside if n[:1].isupper() == last[:1].isupper()])
            if near is None or not _alike(last, near):
                return None
            return f"{name.rpartition('.')[0]}.{near}"
        meant = voc.HABITS.get(name.lower())
        if meant and (meant not in INPUTS or meant in self.offered):
            return meant
        values = [*self.bound, *self.offered]
        functions = [*voc.known_names(), *self.catalog] if called else list(voc.CONSTANTS)
        if name[:1].isupper() and not name.isupper():
            functions = []  # a class or a layer: no function is meant
        names = [n for n in (*values, *functions) if not n.startswith("self")]
        near = suggest(name, names)
        return near if near is not None and _alike(name, near) else None

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


def _alike(wrong: str, near: str) -> bool:
    """Whether one is the other but for a slip: most letters in their order, as many of them."""
    one, other = wrong.lower(), near.lower()
    if sorted(one) == sorted(other):
        return True
    same = difflib.SequenceMatcher(None, one, other).ratio()
    return same >= 0.75 and abs(len(wrong) - len(near)) <= max(1, len(near) // 3)


def _called_here(last: str, called: bool) -> str:
    """What to do about a name that is near to none."""
    elsewhere = voc.ELSEWHERE.get(last)
    if elsewhere:
        return elsewhere
    return (
        "see the list of functions, or define it above"
        if called
        else ("assign it on a line above, or write its number")
    )
