"""Reading a checked tree: statements and expressions become one graph, helpers inlined."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import partial
from typing import Any

from . import conditions, indexing, operations, spelled, statements
from . import structure as st
from . import vocabulary as voc
from .build import (
    DOTS,
    DTYPES,
    NONE,
    Builder,
    Callee,
    DType,
    Items,
    Text,
    Value,
    dims,
)
from .calls import call_method, call_operator, einsum
from .errors import LossError, Span, quote
from .functions import UserFunction
from .grammar import dotted, is_listed
from .graph import Node
from .inputs import KERNEL, OLD_KERNEL, Provided
from .named_calls import call_named, loss_class, measure_class
from .names import Names
from .scope import Scope
from .syntax import Tree

MAX_DEPTH = 200
# Expressions read, each as often as the helper or the loop around it runs.
MAX_READ = 15_000


class Reader:
    """Evaluates the tree of one text over nodes instead of numbers."""

    def __init__(
        self,
        tree: Tree,
        names: Names,
        b: Builder,
        overrides: Mapping[str, float],
        old_kernel: bool = False,
        provided: Provided | None = None,
    ) -> None:
        self.tree = tree
        self.names = names
        self.b = b
        self.overrides = overrides
        self.old_kernel = old_kernel
        self.provided = provided
        self.inputs: dict[str, Node] = {}
        self.active: list[ast.FunctionDef] = []
        self.depth = 0
        self.count = 0
        self.checked: set[ast.stmt] = set()
        self.lambdas: dict[ast.Lambda, ast.FunctionDef] = {}
        b.spelled = self.spelled

    # -- conditions

    def truth(self, value: Value, node: ast.AST, what: str) -> bool:
        """Whether a condition holds that is known before training; folds its parameters."""
        held = conditions.known(value)
        if held is None:
            raise self.error(
                node,
                f"{what} must be known before training, or be one number",
                "on tensors write where(condition, a, b)",
            )
        return self.b.flag(value, what) if isinstance(value, Node) else held

    # -- functions of the visitor's

    def named(self, node: ast.Lambda) -> ast.FunctionDef:
        """A lambda as the function that it is."""
        if node not in self.lambdas:
            body = ast.copy_location(ast.Return(node.body), node.body)
            made = ast.FunctionDef("lambda", node.args, [body], [], None, None)
            self.lambdas[node] = ast.copy_location(made, node)
        return self.lambdas[node]

    def function(self, node: ast.FunctionDef, scope: Scope) -> Callee:
        if node.decorator_list:
            self.b.note("decorator", "decorators are ignored", self.tree.span(node))
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args]
        defaults: dict[str, Value] = {}
        for arg, default in zip(reversed(named), reversed(arguments.defaults), strict=False):
            defaults[arg.arg] = self.value(default, scope)
        for arg, only in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if only is not None:
                defaults[arg.arg] = self.value(only, scope)
        called = UserFunction(self, node, scope, defaults)
        return Callee(node.name, called)

    def spelled(self, op: str, given: Mapping[str, Value]) -> Value:
        """What a function that is written in the language itself makes of its arguments."""
        b, at = self.b, self.b.at
        tree, names, node = spelled.function(op, at)
        inner = Reader(tree, names, b, {})
        inner.count, inner.depth, inner.active = self.count, self.depth, self.active
        try:
            return UserFunction(inner, node, Scope(), {})([], dict(given), at)
        finally:
            self.count = inner.count
            b.spelled, b.at = self.spelled, at

    # -- expressions

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression; `b.at` is left at it."""
        self.depth += 1
        self.count += 1
        if self.count > MAX_READ:
            raise self.error(
                node,
                f"the loss expands to more than {MAX_READ:,} steps",
                "helpers and loops inside others multiply; simplify it",
            )
        if self.depth > MAX_DEPTH:
            raise self.error(
                node, "helpers and brackets are nested too deeply", "simplify the loss"
            )
        try:
            return self.dispatch(node, scope)
        finally:
            self.depth -= 1

    def dispatch(self, node: ast.expr, scope: Scope) -> Value:
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.lookup(node, scope)
        if isinstance(node, ast.BinOp):
            return operations.bin_op(self, node, scope)
        if isinstance(node, ast.Call):
            return self.call(node, scope)
        if isinstance(node, ast.UnaryOp):
            return operations.unary_op(self, node, scope)
        if isinstance(node, ast.Compare):
            return operations.compare(self, node, scope)
        if isinstance(node, ast.Subscript):
            return indexing.subscript(self, node, scope)
        if isinstance(node, (ast.Tuple, ast.List)):
            return self.items(node, scope)
        if isinstance(node, ast.IfExp):
            return operations.choice(self, node, scope)
        if isinstance(node, ast.BoolOp):
            return operations.bool_op(self, node, scope)
        if isinstance(node, ast.Lambda):
            return self.function(self.named(node), scope)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return statements.comprehension(self, node, scope)
        raise self.error(node, "this cannot stand here", "a slice needs a tensor before it")

    def constant(self, node: ast.Constant) -> Value:
        value = node.value
        self.b.at = self.tree.span(node)
        if value is None:
            return NONE
        if value is Ellipsis:
            return DOTS
        if isinstance(value, str):
            return Text(value)
        if isinstance(value, (bool, int, float)):
            return self.b.const(value)
        raise self.error(node, "this is not a value of the language")

    def lookup(self, node: ast.Name | ast.Attribute, scope: Scope) -> Value:
        self.b.at = self.tree.span(node)
        if isinstance(node, ast.Name):
            found = scope.find(node.id)
            if found is not None:
                return found
            if node.id in self.b.inputs and node.id not in self.names.aliases:
                return self.input(self.renamed(node))
            if node.id in self.names.bound and node.id in self.names.others:
                raise self.names.called_otherwise(node, node.id, everywhere=False)
            if node.id in self.names.bound:
                raise self.error(
                    node, f"{quote(node.id)} has no value here", "assign it on a line above"
                )
        name = dotted(node)
        if name is not None and not self.names.is_variable(node):
            return self.table(node, self.names.resolve(name))
        assert isinstance(node, ast.Attribute)  # noqa: S101
        return self.part(node, self.value(node.value, scope))

    def renamed(self, node: ast.Name) -> str:
        """What an input is called now, in a text of before."""
        if not self.old_kernel or node.id != OLD_KERNEL:
            return node.id
        message = f"{OLD_KERNEL} is read as the last layer's kernel, which is now {KERNEL}"
        self.b.note("renamed", message, self.tree.span(node))
        return KERNEL

    def input(self, name: str) -> Node:
        if self.provided is not None and name not in self.provided.inputs:
            message, hint = self.provided.refuse(name)
            raise LossError(message, self.b.at, hint=hint)
        if name not in self.inputs:
            found = self.b.inputs[name]
            shapes, attrs = self.b.sizes.of(found), {"name": name, "of": found}
            if name == "num_classes":
                count = self.b.num_classes
                node = Node("input", (), attrs, self.b.at, shapes, "int", (count, count))
            else:
                kind = "int" if found.values == "class" else "float"
                node = Node("input", (), attrs, self.b.at, shapes, kind)
            self.inputs[name] = node
        return self.inputs[name]

    def table(self, node: ast.expr, name: str) -> Value:
        place = voc.split_name(name)
        key = ":".join(place) if place else ""
        if key in voc.TYPES:
            kind = voc.TYPES[key]
            return DType(DTYPES[kind], kind in ("float16", "half"))
        if key in voc.CONSTANTS:
            return self.b.const(voc.CONSTANTS[key])
        if key in voc.WORDS:
            return Text(voc.WORDS[key])
        if key in voc.NEW_AXIS:
            return NONE
        if self.names.lookup(name) is not None:
            return Callee(name, partial(self.called, name))
        raise self.error(node, f"{quote(name)} is not a value", "call it")

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], span: Span) -> Value:
        """A function of the table that was given another name, or passed on."""
        self.b.at, self.b.with_target = span, lambda word: None
        return self.apply_table(name, args, dict(keywords), {})

    def part(self, node: ast.Attribute, value: Value) -> Value:
        self.b.at = self.tree.span(node)
        pair = isinstance(value, Items) and len(value.values) == 2  # what top_k returns
        if pair and node.attr in ("values", "indices"):
            return value.values[node.attr == "indices"]  # type: ignore[union-attr]
        x = self.b.tensor(value)
        if node.attr == "value" and not x.rank:  # a size of TensorFlow 1
            return x
        if node.attr in ("values", "indices", "value"):
            raise self.error(node, f"a tensor has no part called '{node.attr}'")
        if node.attr == "shape":
            return Items(dims(self.b, x))
        if node.attr in ("ndim", "rank"):
            return self.b.const(x.rank)
        if node.attr == "T":
            return st.transpose(self.b, x)
        if node.attr == "dtype":
            return DType(x.dtype)
        raise self.error(node, f"'.{node.attr}' is a method", f"call it: .{node.attr}(...)")

    def items(self, node: ast.Tuple | ast.List, scope: Scope) -> Value:
        values = []
        for part in node.elts:
            value = self.value(part, scope)
            if isinstance(value, Items) and not isinstance(part, (ast.Tuple, ast.List)):
                raise self.error(
                    node, "a list inside a list must be written out", "write its numbers here"
                )
            values.append(value)
        self.b.at = self.tree.span(node)
        return Items(tuple(values))

    # -- calls

    def call(self, node: ast.Call, scope: Scope) -> Value:
        func = node.func
        if isinstance(func, ast.Name) and scope.find(func.id) is not None:
            return self.call_value(node, scope.find(func.id), scope)
        if isinstance(func, (ast.Call, ast.Subscript)):
            return self.call_value(node, self.value(func, scope), scope)
        name = dotted(func)
        if is_listed(node) and not self.names.is_variable(func):
            return Items(statements.rounds(self, node.args[0], scope))
        if name is not None and not self.names.is_variable(func):
            return self.call_table(node, self.names.resolve(name), scope)
        if isinstance(func, ast.Name):
            raise self.error(node, f"{quote(func.id)} is not a function here", "define it above")
        if not isinstance(func, ast.Attribute):
            raise self.error(node, "this cannot be called", "write * to multiply")
        owner = self.value(func.value, scope)
        args, keywords = self.arguments(node, scope)
        self.b.at = self.tree.span(node)
        return call_method(self.b, func.attr, owner, args, keywords)

    def call_value(self, node: ast.Call, value: Value | None, scope: Scope) -> Value:
        args, keywords = self.arguments(node, scope)
        self.b.at = self.tree.span(node)
        self.b.with_target = lambda word: self.with_target(node, word)
        if isinstance(value, Callee):
            return value.call(args, keywords, self.tree.span(node))
        raise self.error(
            node,
            f"{quote(self.tree.fragment(node.func))} is a value here, not a function: "
            "it was assigned above",
            "choose another name for the value, or write * to multiply",
        )

    def call_table(self, node: ast.Call, name: str, scope: Scope) -> Value:
        args, keywords = self.arguments(node, scope)
        self.b.at = self.tree.span(node)
        self.b.with_target = lambda word: self.with_target(node, word)
        spot: dict[str | int | None, Span] = {k.arg: self.tree.span(k) for k in node.keywords}
        spot.update((f"={k.arg}", self.tree.span(k.value)) for k in node.keywords)
        spot.update((i, self.tree.span(a)) for i, a in enumerate(node.args))
        return self.apply_table(name, args, keywords, spot)

    def apply_table(
        self,
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        spot: dict[str | int | None, Span],
    ) -> Value:
        last, kind = name.rpartition(".")[2], self.names.lookup(name)
        if kind == "constant":
            raise self.b.error(f"{quote(name)} is a number, not a function", "write * to multiply")
        info: Any = self.names.catalog.get(voc.LOSS_CLASSES.get(last, last))
        if kind == "class":
            return loss_class(self.b, info, args, keywords, self.input)
        bare = info is not None and name == last
        # With no tensor it is of the inputs of their names, whichever Keras' own takes.
        alone = info is not None and not args and {*keywords} <= {k.name for k in info.parameters}
        if kind == "loss" or alone or (bare and (not args or "label_smoothing" in keywords)):
            return call_named(self.b, info, args, keywords, self.input, spot)
        place = voc.split_name(name)
        if kind == "measure":
            function = voc.CLASSES[":".join(place or ("", ""))]
            return measure_class(self.b, function, name, args, keywords, self.input)
        if place is not None and place[1] == "einsum":
            return einsum(self.b, args, keywords)
        function = voc.FUNCTIONS[":".join(place or ("", ""))]
        return call_operator(self.b, function, name, args, keywords, spot, self.input)

    def arguments(self, node: ast.Call, scope: Scope) -> tuple[list[Value], dict[str, Value]]:
        args = [self.value(arg, scope) for arg in node.args]
        keywords: dict[str, Value] = {}
        for item in node.keywords:
            name = str(item.arg)
            if name in keywords:
                raise self.error(item, f"the argument {quote(name)} is given twice", "remove one")
            keywords[name] = self.value(item.value, scope)
        return args, keywords

    def with_target(self, node: ast.Call, word: str) -> str | None:
        """The text of a call, with this word as its target; None of one that is not typed."""
        if isinstance(self.tree, spelled.Elsewhere):
            return None
        named = (k.value for k in node.keywords if k.arg in ("y_true", "labels", "target"))
        target = node.args[0] if node.args else next(named, None)
        if target is None:
            return None
        start, end = self.tree.offsets(node)
        inner, after = self.tree.offsets(target)
        text = self.tree.source.text
        return f"{text[start:inner]}{word}{text[after:end]}"

    def error(
        self, node: ast.AST, message: str, hint: str | None = None, fix: str | None = None
    ) -> LossError:
        return LossError(message, self.tree.span(node), hint=hint, fix=fix)
