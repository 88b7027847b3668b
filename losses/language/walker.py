"""Checking a tree against the grammar, in the order of the text.

Every field of every node is either visited or required to be empty, so that the first fault is the
one reported. Unreached code is checked too.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from .errors import LossError, Span, quote
from .grammar import (
    COMPARISONS,
    DECORATORS,
    FIELDS,
    LOGICAL,
    NO_LOOPS,
    OPERATORS,
    REFUSED,
    SCOPES,
    appends,
    dotted,
    harmless,
    is_listed,
    is_loop_over,
    of_words,
    private,
)
from .syntax import Tree

Check = Callable[[], None]


Item = ast.AST | Check


CheckName = Callable[[ast.expr, bool], bool]


CheckImport = Callable[[ast.Import | ast.ImportFrom], None]


def check_tree(tree: Tree, check_name: CheckName, check_import: CheckImport) -> None:
    """Walk the whole tree in the order of the text; raises `LossError` at the first fault.

    `check_name(node, called)` is asked about each dotted name; it raises where the name is
    unknown, and tells whether the name is settled (True) or its parts must still be visited.
    """
    walker = _Walker(tree, check_name, check_import)
    stack: list[Item] = list(reversed(tree.body))
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            stack.extend(reversed(list(walker.visit(item))))
        else:
            item()


class _Walker:
    def __init__(self, tree: Tree, check_name: CheckName, check_import: CheckImport) -> None:
        self.tree = tree
        self.check_name = check_name
        self.check_import = check_import
        named = [n for statement in tree.body for n in ast.walk(statement)]
        self.bound = {n.arg for n in named if isinstance(n, ast.arg)}
        self.bound |= {
            n.id for n in named if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }

    def visit(self, node: ast.AST) -> Iterable[Item]:
        fields = FIELDS.get(type(node))
        if fields is None:
            raise self.refuse(node)
        for name, value in ast.iter_fields(node):
            if name not in fields and name != "type_comment" and value not in (None, []):
                raise self.refuse_field(node, name, value)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.With):
            return self.block(node)
        if isinstance(node, ast.Assert):
            return [lambda: self.assertion(node)]
        if isinstance(node, ast.Raise):
            return []  # is never evaluated; where it is reached, that is told
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.name(node)
        if isinstance(node, ast.BinOp):
            return [node.left, lambda: self.operator(node), node.right]
        if isinstance(node, ast.BoolOp):
            return self.bool_op(node)
        if isinstance(node, ast.Compare):
            return [node.left, lambda: self.compare(node), *node.comparators]
        if isinstance(node, ast.FunctionDef):
            return self.function(node)
        if isinstance(node, (ast.For, ast.comprehension)):
            return self.loop(node)
        if isinstance(node, ast.Lambda):
            return self.anonymous(node)
        appended = appends(node)
        if appended is not None:
            return [appended.func.value, *appended.args]  # type: ignore[attr-defined]
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            return self.assignment(node)
        if isinstance(node, ast.keyword):
            return self.keyword(node)
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return [lambda: self.check_import(node)]
        if isinstance(node, ast.UnaryOp):
            return [node.operand]
        return self.children(node, fields)

    def children(self, node: ast.AST, fields: tuple[str, ...]) -> Iterator[Item]:
        values = dict(ast.iter_fields(node))
        for name in fields:
            value = values[name]
            if isinstance(value, list):
                yield from (item for item in value if item is not None)
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                yield value

    def refuse(self, node: ast.AST) -> LossError:
        kind = type(node).__name__
        message, hint = REFUSED.get(kind, ("this is not part of the language", "remove it"))
        if not hasattr(node, "lineno"):
            return LossError(message, hint=hint)
        span = self.tree.span(node)
        return LossError(message, span, hint=hint)

    def refuse_field(self, node: ast.AST, name: str, value: object) -> LossError:
        where = value[0] if isinstance(value, list) else value
        if isinstance(where, ast.AST) and hasattr(where, "lineno"):
            span = self.tree.span(where)
        else:
            span = self.tree.span(node) if hasattr(node, "lineno") else Span()
        hint = "write the arguments out" if name in ("vararg", "kwarg") else "remove it"
        return LossError("this form of Python is not part of the language", span, hint=hint)

    def identifier(self, name: str, span: Span, part: bool = False) -> None:
        plain = unicodedata.normalize("NFKC", name)
        if (plain.startswith("_") and (part or not private(plain))) or "__" in plain:
            here, bare = self.tree.source.fragment(span), plain.strip("_")
            raise LossError(
                f"{quote(name)}: names with a leading or a double underscore are not allowed",
                span,
                hint="choose another name",
                fix=bare if bare.isidentifier() and here == name else None,
            )

    def name(self, node: ast.Name | ast.Attribute) -> Iterable[Item]:
        self.identifiers(node)
        if isinstance(node, ast.Attribute) and dotted(node) is None:
            return [node.value, lambda: self.method(node)]
        if isinstance(node.ctx, ast.Load) and self.check_name(node, False):
            return []
        return [node.value] if isinstance(node, ast.Attribute) else []

    def method(self, node: ast.Attribute) -> None:
        self.check_name(node, False)

    def identifiers(self, node: ast.expr) -> None:
        """Check a chain of attributes, the innermost (leftmost) first."""
        chain: list[ast.Attribute] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self.identifier(inner.id, self.tree.span(inner))
            if isinstance(inner.ctx, ast.Load):
                # A wrong first part is reported before a wrong ending.
                for part in reversed(chain[1:] if chain else []):
                    self.identifier(part.attr, self.tree.span(part), True)
        for part in reversed(chain):
            self.identifier(part.attr, self.tree.span(part), True)

    def call(self, node: ast.Call) -> Iterable[Item]:
        known = False
        func = node.func
        if is_listed(node) and node.func.id not in self.bound:  # type: ignore[attr-defined]
            return list(self.rounds(node.args[0]))
        if isinstance(func, ast.Attribute) and dotted(func) is None:
            self.identifiers(func)
            return [func.value, lambda: self.method(func), *node.args, *node.keywords]
        if isinstance(node.func, (ast.Name, ast.Attribute)):
            self.identifiers(node.func)
            known = self.check_name(node.func, True)
        rest: list[Item] = [*node.args, *node.keywords]
        if not known and isinstance(node.func, ast.Attribute):
            return [node.func.value, *rest]
        if known or isinstance(node.func, ast.Name):
            return rest
        if isinstance(node.func, ast.Lambda):
            self.not_a_function(node)  # called where it stands: give it a name
        if isinstance(node.func, (ast.Call, ast.Subscript)):
            return [node.func, *rest]
        return [node.func, lambda: self.not_a_function(node), *rest]

    def not_a_function(self, node: ast.Call) -> None:
        raise LossError(
            f"{quote(self.tree.fragment(node.func))} is not a function",
            self.tree.span(node.func),
            hint="give it a name first"
            if isinstance(node.func, ast.Lambda)
            else "write * to multiply",
        )

    def keyword(self, node: ast.keyword) -> Iterable[Item]:
        if node.arg is None:
            raise LossError(
                "star arguments are not part of the language",
                self.tree.span(node),
                hint="write the arguments out",
            )
        self.identifier(node.arg, self.tree.span(node))
        return [node.value]

    def operator(self, node: ast.BinOp) -> None:
        if isinstance(node.op, (*OPERATORS, *LOGICAL)):
            return
        span = self.tree.operator_span(node.left, node.right)
        sign = self.tree.source.fragment(span)
        raise LossError(
            f"the operator {sign} is not part of the language",
            span,
            hint="multiply or divide by a power of 2 instead",
        )

    def bool_op(self, node: ast.BoolOp) -> Iterable[Item]:
        def check() -> None:
            if isinstance(first, ast.Name) and first.id not in self.bound:
                word = "and" if isinstance(node.op, ast.And) else "or"
                raise LossError(
                    f"'{word}' cannot join tensors",
                    self.tree.operator_span(first, node.values[1]),
                    hint=f"write logical_{word}(a, b), or multiply the two masks",
                )

        first = node.values[0]
        return [first, check, *node.values[1:]]

    def compare(self, node: ast.Compare) -> None:
        if len(node.ops) > 1:
            raise LossError(
                "a chain of comparisons does not work on tensors",
                self.tree.span(node),
                hint="write logical_and(a < x, x < b)",
            )
        if not (isinstance(node.ops[0], COMPARISONS) or of_words(node)):
            span = self.tree.operator_span(node.left, node.comparators[0])
            raise LossError(
                f"'{self.tree.source.fragment(span)}' is not part of the language",
                span,
                hint="compare values with ==, !=, <, <=, > or >=",
            )

    def block(self, node: ast.With) -> Iterable[Item]:
        """`with tf.name_scope(...)` names what is in it, and no more."""
        for item in node.items:
            name = dotted(item.context_expr.func) if isinstance(item.context_expr, ast.Call) else ""
            last = (name or "").rpartition(".")[2]
            if last == "GradientTape":
                raise LossError(
                    "the gradient is taken by the playground",
                    self.tree.span(node),
                    hint="keep only what computes the loss",
                )
            if last not in SCOPES or not isinstance(item.optional_vars, (ast.Name, type(None))):
                raise self.refuse(node)
        return node.body

    def assertion(self, node: ast.Assert) -> None:
        """An assertion is left out where it could be read; refused where it could not."""
        try:
            stack: list[Item] = [node.test]
            while stack:
                item = stack.pop()
                if isinstance(item, ast.AST):
                    stack.extend(self.visit(item))
                else:
                    item()
        except LossError:
            raise self.refuse(node) from None

    def function(self, node: ast.FunctionDef) -> Iterable[Item]:
        values = node.args
        if values.vararg:
            raise self.refuse_field(node, "vararg", values.vararg)
        self.identifier(node.name, self.name_span(node))
        named = [*values.posonlyargs, *values.args, *values.kwonlyargs]
        for place, arg in enumerate(named):
            self.identifier(arg.arg, self.tree.span(arg))
            if any(arg.arg == other.arg for other in named[:place]):
                raise LossError(
                    f"the argument {quote(arg.arg)} is named twice",
                    self.tree.span(arg),
                    hint="give each its own name",
                )
        items: list[Item] = [partial(self.decorator, d) for d in node.decorator_list]
        for arg in (*values.posonlyargs, *values.args, *values.kwonlyargs):
            items.append(partial(self.annotation, arg.annotation))
        items.append(lambda: self.annotation(node.returns))
        defaults = [*values.defaults, *(d for d in values.kw_defaults if d is not None)]
        return [*items, *defaults, *node.body]

    def name_span(self, node: ast.FunctionDef) -> Span:
        """Where the name of a function stands."""
        tokens = self.tree.scan.between(*self.tree.offsets(node))
        at = next((t for t in tokens if t.kind == "name"), None)
        if at is None or unicodedata.normalize("NFKC", at.text) != node.name:
            return self.tree.span(node)  # what a class became
        return self.tree.source.span(at.start, at.end)

    def loop(self, node: ast.For | ast.comprehension) -> Iterable[Item]:
        if isinstance(node, ast.comprehension) and node.is_async:
            raise self.refuse_field(node.target, "is_async", node.target)
        for part in ast.walk(node.target):
            if isinstance(part, ast.Name):
                self.identifier(part.id, self.tree.span(part))
            elif not isinstance(part, (ast.Tuple, ast.List, ast.expr_context)):
                raise self.refuse(node if isinstance(node, ast.For) else node.target)
        rest = node.body if isinstance(node, ast.For) else node.ifs
        return [*self.rounds(node.iter), *rest]

    def rounds(self, over: ast.expr) -> Iterator[Item]:
        """What a loop runs over: range, zip and enumerate are read here and nowhere else."""
        if is_loop_over(over):
            for argument in over.args:
                yield from self.rounds(argument)
        elif isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and (
            over.func.id in NO_LOOPS
        ):  # fmt: skip
            message, hint = REFUSED["For"]
            raise LossError(message, self.tree.span(over), hint=hint)
        else:
            yield over

    def anonymous(self, node: ast.Lambda) -> Iterable[Item]:
        values = node.args
        if values.vararg or values.kwarg:
            raise self.refuse_field(node, "vararg", values.vararg or values.kwarg)
        for arg in (*values.posonlyargs, *values.args, *values.kwonlyargs):
            self.identifier(arg.arg, self.tree.span(arg))
        defaults = [*values.defaults, *(d for d in values.kw_defaults if d is not None)]
        return [*defaults, node.body]

    def decorator(self, node: ast.expr) -> None:
        inner = node.func if isinstance(node, ast.Call) else node
        name = dotted(inner)
        if name not in DECORATORS or (isinstance(node, ast.Call) and not harmless(node)):
            raise LossError(
                f"the decorator {quote(self.tree.fragment(node))} is not part of the language",
                self.tree.span(node),
                hint="remove it",
            )

    def annotation(self, node: ast.expr | None) -> None:
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return
        if isinstance(node, ast.Constant) and node.value is Ellipsis:
            return
        if isinstance(node, ast.Subscript):  # Optional[float]
            return self.annotations([node.value, node.slice])
        if isinstance(node, (ast.Tuple, ast.List)):
            return self.annotations(node.elts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self.annotations([node.left, node.right])
        if dotted(node) is None:
            raise LossError(
                f"the type hint {quote(self.tree.fragment(node))} is not part of the language",
                self.tree.span(node),
                hint="remove it",
            )
        self.identifiers(node)

    def annotations(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            self.annotation(node)

    def assignment(self, node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterable[Item]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            self.target(target, isinstance(node, ast.Assign))
        items: list[Item] = []
        if isinstance(node, ast.AnnAssign):
            items.append(lambda: self.annotation(node.annotation))
        if isinstance(node, ast.AugAssign) and not isinstance(node.op, (*OPERATORS, *LOGICAL)):
            raise LossError(
                "this operator is not part of the language", self.tree.span(node), hint="remove it"
            )
        return [*items, node.value] if node.value is not None else items

    def target(self, node: ast.expr, unpack: bool) -> None:
        if isinstance(node, (ast.Tuple, ast.List)) and unpack:
            for item in node.elts:
                self.target(item, False)
            return
        if isinstance(node, ast.Name):
            self.identifier(node.id, self.tree.span(node))
            return
        self_call = isinstance(node, (ast.Attribute, ast.Subscript))
        raise LossError(
            f"{quote(self.tree.fragment(node))} cannot be assigned to",
            self.tree.span(node),
            hint="tensors do not change: build a new one with where or multiply by a mask"
            if self_call
            else "assign to a plain name",
        )

    def constant(self, node: ast.Constant) -> Iterable[Item]:
        if isinstance(node.value, (complex, bytes)):
            kind = "complex numbers" if isinstance(node.value, complex) else "bytes"
            raise LossError(
                f"{kind} are not part of the language",
                self.tree.span(node),
                hint="a loss is made of real numbers",
            )
        return []
