"""Reading a checked tree: statements and expressions become one graph, helpers inlined."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from . import conditions, masks, spelled
from . import elementwise as el
from . import structure as st
from . import vocabulary as voc
from .build import (
    DONE,
    DOTS,
    DTYPES,
    MAX_LIST,
    NONE,
    Builder,
    Callee,
    DType,
    Items,
    Places,
    Text,
    Value,
    dims,
)
from .calls import call_method, call_operator, einsum
from .errors import LossError, Span, quote, suggest
from .grammar import appends, dotted, is_listed, is_loop_over
from .graph import Node, topological
from .inputs import KERNEL, OLD_KERNEL, Provided
from .named_calls import call_named, loss_class, measure_class, reduced
from .names import Names
from .review import prediction_nodes
from .syntax import REDUCTION, Tree

MAX_CALL_DEPTH = 24
MAX_DEPTH = 200
MAX_ROUNDS = 64
# Expressions read, each as often as the helper or the loop around it runs.
MAX_READ = 15_000

BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
}
LOGIC = {ast.BitAnd: "logical_and", ast.BitOr: "logical_or", ast.BitXor: "logical_xor"}
COMPARE = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}


@dataclass
class Scope:
    """The variables of a function (or of the text), inside those around it."""

    parent: Scope | None = None
    values: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        return None


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

    # -- statements

    def block(self, body: list[ast.stmt], scope: Scope) -> Value | None:
        """Run statements up to a return; the value returned, or None."""
        for place, statement in enumerate(body):
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    raise self.error(statement, "this returns nothing", "return the loss")
                return self.value(statement.value, scope)
            if isinstance(statement, (ast.For, ast.If, ast.With)):
                value = self.compound(statement, scope, body[place + 1 :])
                if value is not None:
                    return value
            else:
                self.statement(statement, scope)
        return None

    def compound(
        self, node: ast.For | ast.If | ast.With, scope: Scope, rest: Sequence[ast.stmt] = ()
    ) -> Value | None:
        """A loop with a known number of rounds, written out; the branch of an `if` that is taken;
        what a `with` only gives a name. The value where it returns one; `rest` follows it."""
        if isinstance(node, ast.With):
            return self.block(node.body, scope)
        if isinstance(node, ast.If):
            test = self.value(node.test, scope)
            if isinstance(test, Node) and conditions.is_number(test):
                return self.branched(node, self.b.cast(test, "bool"), scope, rest)
            taken = self.truth(test, node, "the condition of 'if'")
            return self.block(node.body if taken else node.orelse, scope)
        for value in self.rounds(node.iter, scope):
            self.assign(node.target, value, scope, node)
            returned = self.block(node.body, scope)
            if returned is not None:
                return returned
        return None

    def branched(
        self, node: ast.If, test: Node, scope: Scope, rest: Sequence[ast.stmt]
    ) -> Value | None:
        """Both branches of an `if` on a number of the batch, chosen from as AutoGraph does."""
        if len(set(test.shapes[0])) > 0:
            test = st.squeeze(self.b, test)
        leaves = conditions.returns(node.body) or conditions.returns(node.orelse)
        ends, scopes = [], []
        for body in (node.body, node.orelse):
            inner = Scope(scope.parent, dict(scope.values))
            ends.append(self.block([*body, *rest] if leaves else body, inner))
            scopes.append(inner.values)
        self.b.at = self.tree.span(node.test)
        if not leaves:
            scope.values.update(conditions.merged(self.b, test, *scopes))
            for name in {*scopes[0], *scopes[1]} - set(scopes[0]) & set(scopes[1]):
                scope.values.pop(name, None)
            return None
        made = [self.b.tensor(end) for end in ends if end is not None]
        if len(made) < 2:
            raise self.error(
                node, "one branch of this 'if' returns and the other does not", "return from both"
            )
        return el.where(self.b, test, made[0], made[1])

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

    def rounds(self, node: ast.expr, scope: Scope) -> tuple[Value, ...]:
        """What a loop variable becomes, round by round."""
        if not is_loop_over(node):
            values = self.entries(node, scope)
        elif node.func.id == "range":  # type: ignore[attr-defined]
            bounds = [
                self.b.integer(self.value(a, scope), "the bound of a range") for a in node.args
            ]
            if not 1 <= len(bounds) <= 3 or 0 in bounds[2:]:
                raise self.error(node, "a range is range(n) or range(first, end, step)")
            numbers = range(*bounds)
            self.b.at = self.tree.span(node)
            values = tuple(self.b.const(i) for i in numbers[: MAX_ROUNDS + 1])
        elif node.func.id == "zip":  # type: ignore[attr-defined]
            sides = [self.rounds(a, scope) for a in node.args]
            values = tuple(Items(each) for each in zip(*sides, strict=False))
        else:
            inner = self.rounds(node.args[0], scope)
            first = self.b.integer(self.value(node.args[1], scope), "a start") if node.args[
                1:
            ] else 0  # fmt: skip
            values = tuple(Items((self.b.const(i), value)) for i, value in enumerate(inner, first))
        if len(values) > MAX_ROUNDS:
            raise self.error(
                node, f"a loop has at most {MAX_ROUNDS} rounds", "operate on the whole tensor"
            )
        return values

    def entries(self, node: ast.expr, scope: Scope) -> tuple[Value, ...]:
        """The entries of a list, or of a table of numbers."""
        value = self.value(node, scope)
        self.b.at = self.tree.span(node)
        if isinstance(value, Node) and value.op == "array":
            rows = min(value.shapes[0][0], MAX_ROUNDS + 1)
            return tuple(st.slices(self.b, value, (i,)) for i in range(rows))
        if not isinstance(value, Items):
            raise self.error(
                node,
                "a loop cannot run over a tensor",
                "operate on the whole tensor, such as sum(..., axis=-1)",
            )
        return value.values

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Items:
        """A list built by a loop of known length."""
        found: list[Value] = []

        def run(loops: list[ast.comprehension], inner: Scope) -> None:
            if not loops:
                found.append(self.value(node.elt, inner))
                return
            for value in self.rounds(loops[0].iter, inner):
                self.assign(loops[0].target, value, inner, None)
                tests = (self.value(test, inner) for test in loops[0].ifs)
                if all(self.truth(test, node, "the condition of a list") for test in tests):
                    run(loops[1:], inner)
                if len(found) > MAX_LIST:
                    raise self.error(node, f"this list has more than {MAX_LIST:,} entries")

        run(node.generators, Scope(scope))
        self.b.at = self.tree.span(node)
        return Items(tuple(found))

    def append(self, call: ast.Call, scope: Scope) -> None:
        """`parts.append(x)`: the list becomes a longer one, under each of its names."""
        name = call.func.value  # type: ignore[attr-defined]
        before = self.lookup(name, scope)
        if not isinstance(before, Items):
            raise self.error(name, "only a list can be appended to", "begin with parts = []")
        after = Items((*before.values, self.value(call.args[0], scope)))
        if len(after.values) > MAX_LIST:
            raise self.error(call, f"this list has more than {MAX_LIST:,} entries")
        around: Scope | None = scope
        while around is not None:
            for other in [n for n, value in around.values.items() if value is before]:
                around.values[other] = after
            around = around.parent

    def statement(self, node: ast.stmt, scope: Scope) -> None:
        if isinstance(node, ast.Assign):
            value = self.value(node.value, scope)
            for target in node.targets:
                self.assign(target, value, scope, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is None:
                raise self.error(node, "this names a type and no value", "write name = value")
            self.assign(node.target, self.value(node.value, scope), scope, node)
        elif isinstance(node, ast.AugAssign):
            assert isinstance(node.target, ast.Name)  # noqa: S101  (checked by the walker)
            before = self.lookup(node.target, scope)
            self.b.at = self.tree.span(node)
            after = self.arithmetic(node.op, before, self.value(node.value, scope), node)
            self.assign(node.target, after, scope, node)
        elif isinstance(node, ast.FunctionDef):
            scope.values[node.name] = self.function(node, scope)
        elif isinstance(node, ast.Assert):
            self.b.note("assert", "assertions are ignored", self.tree.span(node))
        elif isinstance(node, ast.Raise):
            raise self.error(node, "this raises an error, and no loss comes of it", "remove it")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.b.note("import", "imports are not needed and are ignored", self.tree.span(node))
        elif isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                return
            appended = appends(node)
            if appended is not None:
                return self.append(appended, scope)
            made = self.value(node.value, scope)
            if made == DONE:
                return
            self.b.warn(
                "unused",
                "this expression is not used: only the last one is the loss",
                "remove it, or assign it to a name",
                self.tree.span(node),
            )

    def assign(self, target: ast.expr, value: Value, scope: Scope, at: ast.stmt | None) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            values = self.unpack(value, len(target.elts), target)
            for name, item in zip(target.elts, values, strict=True):
                self.assign(name, item, scope, at)
            return
        assert isinstance(target, ast.Name)  # noqa: S101  (checked by the walker)
        if isinstance(value, Node):
            if at is not None:
                self.check_rebinding(target.id, value, at)
            self.b.labels.setdefault(value, target.id.rpartition(".")[2])
        scope.values[target.id] = value

    def unpack(self, value: Value, count: int, at: ast.expr) -> tuple[Value, ...]:
        if isinstance(value, Node) and value.op == "shape":
            value = Items(dims(self.b, value.args[0]))
        if isinstance(value, Node) and value.op == "array" and value.shapes[0][0] == count:
            value = Items(tuple(st.slices(self.b, value, (i,)) for i in range(count)))
        if not isinstance(value, Items):
            raise self.error(at, "only a list or a tuple can be unpacked", "assign one name")
        if len(value.values) != count:
            raise self.error(at, f"{len(value.values)} values cannot fill {count} names")
        return value.values

    def check_rebinding(self, name: str, value: Node, at: ast.stmt) -> None:
        if name not in ("y_true", "y_pred") or at in self.checked:
            return
        self.checked.add(at)  # once, however often a loop runs it
        order = topological(value)
        used = {n.attrs["name"] for n in order if n.op == "input"}
        if name not in used or (name == "y_true" and id(value) in prediction_nodes(order)):
            self.b.warn(
                "rebound",
                f"this replaces {name}: the rest of the loss no longer sees the real one",
                "choose another name",
                self.tree.span(at),
            )

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
            return self.bin_op(node, scope)
        if isinstance(node, ast.Call):
            return self.call(node, scope)
        if isinstance(node, ast.UnaryOp):
            return self.unary_op(node, scope)
        if isinstance(node, ast.Compare):
            return self.compare(node, scope)
        if isinstance(node, ast.Subscript):
            return self.subscript(node, scope)
        if isinstance(node, (ast.Tuple, ast.List)):
            return self.items(node, scope)
        if isinstance(node, ast.IfExp):
            return self.choice(node, scope)
        if isinstance(node, ast.BoolOp):
            return self.bool_op(node, scope)
        if isinstance(node, ast.Lambda):
            return self.function(self.named(node), scope)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return self.comprehension(node, scope)
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
        self.b.at, self.b.with_labels = span, lambda: None
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

    def bin_op(self, node: ast.BinOp, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        self.operand(left, node.left)
        right = self.value(node.right, scope)
        self.operand(right, node.right)
        self.b.at = self.tree.span(node)
        self.b.sign = self.tree.from_operator(node.left, node.right)
        try:
            return self.arithmetic(node.op, left, right, node)
        finally:
            self.b.sign = None

    def operand(self, value: Value, node: ast.expr) -> None:
        if isinstance(value, Node):
            return
        self.b.at = self.tree.span(node)
        if isinstance(value, Items):
            if value.values and all(isinstance(v, Node) and v.op == "dim" for v in value.values):
                raise self.error(node, "a shape is not a number", "take one size: x.shape[-1]")
            return
        self.b.tensor(value, "a number or a tensor")

    def arithmetic(self, op: ast.operator, left: Value, right: Value, at: ast.AST) -> Value:
        if isinstance(left, Items) and isinstance(right, Items):
            raise self.error(at, "lists cannot be combined", "write them as one list")
        for value, other in ((left, right), (right, left)):
            number = isinstance(value, Items) and isinstance(other, Node) and other.is_const
            if number and isinstance(op, ast.Mult) and other.dtype == "int":  # type: ignore[union-attr]
                return self.repeated(value, other, at)
        x, y = self.b.tensor(left), self.b.tensor(right)
        if type(op) in BINARY:
            return el.binary(self.b, BINARY[type(op)], x, y)
        if isinstance(op, ast.MatMult):
            return st.matmul(self.b, x, y)
        if isinstance(op, ast.BitXor) and {x.dtype, y.dtype} != {"bool"}:
            raise self.caret(at)
        return el.binary(self.b, LOGIC[type(op)], x, y)

    def caret(self, at: ast.AST) -> LossError:
        """The visitor means a power; so do probably all other carets of the text."""
        if not isinstance(at, ast.BinOp):
            return self.error(at, "'^' is not a power", "write ** for a power")
        here = self.tree.operator_span(at.left, at.right)
        every = [
            self.tree.source.span(token.start, token.end)
            for token in self.tree.scan.tokens
            if token.text == "^"
        ]
        return LossError(
            "'^' is not a power",
            here,
            hint="write ** for a power",
            fix="**",
            also=[(span, "**") for span in every if span != here],
        )

    def repeated(self, value: Value, times: Value, at: ast.AST) -> Items:
        """`[1.0] * 10`, kept small."""
        assert isinstance(value, Items) and isinstance(times, Node)  # noqa: S101
        count = int(times.attrs["value"])
        flat = all(isinstance(v, Node) for v in value.values)
        if not flat or not 0 < count * len(value.values) <= MAX_LIST:
            raise self.error(at, f"this list would not have 1 to {MAX_LIST:,} numbers", "use ones")
        return Items(value.values * count)

    def unary_op(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.value(node.operand, scope)
        self.b.at = self.tree.span(node)
        if isinstance(node.op, ast.Not):
            if isinstance(value, Node) and conditions.is_number(value):
                return el.logical_not(self.b, self.b.cast(value, "bool"))
            if conditions.known(value) is None:
                raise self.error(node, "'not' cannot turn a tensor", "write logical_not(a)")
            return self.b.const(not self.truth(value, node, "the condition of 'not'"))
        self.operand(value, node.operand)
        self.b.at = self.tree.span(node)
        x = self.b.tensor(value)
        if isinstance(node.op, ast.USub):
            return el.unary(self.b, "neg", x)
        if isinstance(node.op, ast.Invert):
            return el.logical_not(self.b, x)
        return x

    def compare(self, node: ast.Compare, scope: Scope) -> Value:
        test, other = node.ops[0], node.comparators[0]
        left = self.value(node.left, scope)
        right = self.value(other, scope)
        self.b.at = self.tree.span(node)
        known = conditions.compared(self.b, test, left, right)
        if type(test) not in COMPARE and (known is None or self.is_input(node.left, scope)):
            raise LossError(
                "this compares what is always there"
                if known is not None
                else "this is not known before training",
                self.tree.operator_span(node.left, other),
                hint="compare tensors with ==, !=, <, <=, > or >=",
            )
        if known is not None:
            return known
        self.operand(left, node.left)
        self.operand(right, other)
        self.b.at = self.tree.span(node)
        return el.binary(self.b, COMPARE[type(test)], self.b.tensor(left), self.b.tensor(right))

    def is_input(self, node: ast.expr, scope: Scope) -> bool:
        """Whether an expression is an input by its own name, which no caller leaves out."""
        return (
            isinstance(node, ast.Name) and node.id in self.b.inputs and scope.find(node.id) is None
        )

    def bool_op(self, node: ast.BoolOp, scope: Scope) -> Value:
        """Python's `and` and `or`: what is decided is not read on; of numbers of the batch, as
        AutoGraph has it, the logical operation."""
        both = isinstance(node.op, ast.And)
        word = "and" if both else "or"
        result = self.value(node.values[0], scope)
        for before, part in pairwise(node.values):
            held = conditions.known(result)
            if held is not None:
                if self.truth(result, node, f"what '{word}' joins") != both:
                    return result
                result = self.value(part, scope)
                continue
            other = self.value(part, scope)
            numbers = [v for v in (result, other) if isinstance(v, Node) and not any(v.shapes[0])]
            if len(numbers) < 2:
                raise LossError(
                    f"'{word}' cannot join tensors",
                    self.tree.operator_span(before, part),
                    hint=f"write logical_{word}(a, b), or multiply the two masks",
                )
            self.b.at = self.tree.span(node)
            one, two = (self.b.cast(v, "bool") for v in numbers)
            result = el.binary(self.b, f"logical_{word}", one, two)
        return result

    def choice(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.value(node.test, scope)
        fixed = isinstance(test, Node) and not test.is_const
        if not fixed:
            taken = self.truth(test, node, "this condition")
            return self.value(node.body if taken else node.orelse, scope)
        yes, no = self.value(node.body, scope), self.value(node.orelse, scope)
        self.b.at = self.tree.span(node)
        b = self.b
        if conditions.known(test) is not None and not all(isinstance(v, Node) for v in (yes, no)):
            return yes if self.truth(test, node, "this condition") else no
        return el.where(b, b.tensor(test), b.tensor(yes), b.tensor(no))

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

    # -- indexing

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        if isinstance(value, Places) and value.mask.rank == 1:
            return value  # one column, whichever way it is taken
        if isinstance(value, Node) and value.op == "shape":
            value = Items(dims(self.b, value.args[0]))
        if isinstance(value, Items) and not _table_index(node.slice):
            return self.item(node, value, scope)
        self.b.at = self.tree.span(node)
        x = self.b.tensor(value)
        pieces = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        index: list[st.Index] = []
        gathers: list[tuple[int, Node]] = []
        entries = [self.index(piece, scope) for piece in pieces]
        wide = sum(e is not None and e != "new" and e != "..." for e in entries)
        for piece, entry in zip(pieces, entries, strict=True):
            if entry == "...":
                index += [(None, None, None)] * (x.rank - wide)
            elif isinstance(entry, Node):
                gathers.append((len(index), entry))
                index.append((None, None, None))
            else:
                index.append(entry)
            del piece
        self.b.at = self.tree.span(node)
        if sum(e == "..." for e in entries) > 1:
            raise self.error(node, "'...' can stand only once in an index")
        if gathers:
            return self.gather(x, index, gathers, node)
        return st.slices(self.b, x, index)

    def gather(
        self, x: Node, index: list[st.Index], gathers: list[tuple[int, Node]], at: ast.expr
    ) -> Node:
        plain = all(i == (None, None, None) for i in index)
        if len(gathers) > 1 or not plain:
            raise self.error(
                at,
                "an index can hold one tensor, and nothing else but ':'",
                "to pick the true class write sum(y_true * y_pred, axis=-1)",
            )
        place, which = gathers[0]
        if which.dtype == "bool" and not place:
            return masks.choose(self.b, x, which)
        if which.dtype == "bool":
            raise self.error(
                at, "a condition cannot be an index", "use where, or multiply by the mask"
            )
        return st.take(self.b, x, which, place)

    def index(self, node: ast.expr, scope: Scope) -> st.Index | Node:
        if isinstance(node, ast.Slice):
            return (
                self.bound(node.lower, scope),
                self.bound(node.upper, scope),
                self.bound(node.step, scope),
            )
        value = self.value(node, scope)
        self.b.at = self.tree.span(node)
        if value == NONE:
            return "new"
        if value == DOTS:
            return "..."
        x = self.b.tensor(value, "an index")
        if x.static is not None and not x.rank:
            return self.b.integer(x, "an index")
        if x.dtype == "float":
            raise self.error(node, "an index must be a whole number", "cast it to 'int32'")
        return x

    def bound(self, node: ast.expr | None, scope: Scope) -> int | None:
        if node is None:
            return None
        value = self.value(node, scope)
        self.b.at = self.tree.span(node)
        return None if value == NONE else self.b.integer(value, "the bound of a slice")

    def item(self, node: ast.Subscript, items: Items, scope: Scope) -> Value:
        """An entry (or a slice) of a list, such as a shape."""
        entry = self.index(node.slice, scope)
        self.b.at = self.tree.span(node)
        if isinstance(entry, tuple):
            return Items(items.values[slice(*entry)])
        if not isinstance(entry, int) or not -len(items.values) <= entry < len(items.values):
            raise self.error(
                node.slice, f"there is no such entry: the list has {len(items.values)}"
            )
        return items.values[entry]

    # -- calls

    def call(self, node: ast.Call, scope: Scope) -> Value:
        func = node.func
        if isinstance(func, ast.Name) and scope.find(func.id) is not None:
            return self.call_value(node, scope.find(func.id), scope)
        if isinstance(func, (ast.Call, ast.Subscript)):
            return self.call_value(node, self.value(func, scope), scope)
        name = dotted(func)
        if is_listed(node) and not self.names.is_variable(func):
            return Items(self.rounds(node.args[0], scope))
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
        self.b.with_labels = lambda: self.with_labels(node)
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
        self.b.with_labels = lambda: self.with_labels(node)
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
        if kind == "loss" or (bare and (not args or "label_smoothing" in keywords)):
            return call_named(self.b, info, args, keywords, self.input, spot)
        place = voc.split_name(name)
        if kind == "measure":
            function = voc.CLASSES[":".join(place or ("", ""))]
            return measure_class(self.b, function, name, args, keywords, spot, self.input)
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

    def with_labels(self, node: ast.Call) -> str | None:
        """The text of a call, with `labels` as its target; None of one that is not typed."""
        if isinstance(self.tree, spelled.Elsewhere):
            return None
        named = (k.value for k in node.keywords if k.arg in ("y_true", "labels", "target"))
        target = node.args[0] if node.args else next(named, None)
        if target is None:
            return None
        start, end = self.tree.offsets(node)
        inner, after = self.tree.offsets(target)
        text = self.tree.source.text
        return f"{text[start:inner]}labels{text[after:end]}"

    def error(self, node: ast.AST, message: str, hint: str | None = None) -> LossError:
        return LossError(message, self.tree.span(node), hint=hint)


def _table_index(node: ast.expr) -> bool:
    """Whether an index reads a table of numbers as a tensor: w[:, None]."""
    return isinstance(node, ast.Tuple)


class UserFunction:
    """A function of the visitor's: called, it runs its body over nodes."""

    def __init__(
        self, reader: Reader, node: ast.FunctionDef, scope: Scope, defaults: dict[str, Value]
    ) -> None:
        self.reader = reader
        self.node = node
        self.scope = scope
        self.defaults = defaults
        arguments = node.args
        self.positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        self.names = [*self.positional, *(a.arg for a in arguments.kwonlyargs)]

    @property
    def required(self) -> list[str]:
        return [name for name in self.names if name not in self.defaults]

    @property
    def is_factory(self) -> bool:
        """Whether it defines a function and returns it."""
        inner = {s.name for s in self.node.body if isinstance(s, ast.FunctionDef)}
        last = self.node.body[-1]
        if not isinstance(last, ast.Return):
            return False
        named = isinstance(last.value, ast.Name) and last.value.id in inner
        return named or isinstance(last.value, ast.Lambda)

    def __call__(self, args: list[Value], keywords: dict[str, Value], span: Any) -> Value:
        reader, name = self.reader, self.node.name
        if self.node in reader.active:
            raise LossError(f"{quote(name)} calls itself", span, hint="write the steps out")
        if len(reader.active) >= MAX_CALL_DEPTH:
            raise LossError("helpers call helpers too deeply", span, hint="simplify the loss")
        scope = Scope(self.scope, self.bind(args, keywords, span))
        reader.active.append(self.node)
        try:
            result = reader.block(self.node.body, scope)
        finally:
            reader.active.pop()
        if result is None:
            raise LossError(
                f"{quote(name)} returns nothing", reader.tree.span(self.node), hint="add a return"
            )
        reader.b.at = span
        if self.node in reader.tree.reduced:
            return reduced(reader.b, result, self.scope.find(REDUCTION))
        return result

    def bind(self, args: list[Value], keywords: dict[str, Value], span: Any) -> dict[str, Value]:
        if len(args) > len(self.positional):
            raise LossError(
                f"{quote(self.node.name)} takes {len(self.positional)} arguments, "
                f"and {len(args)} are given",
                span,
                hint="remove some",
            )
        bound = dict(self.defaults)
        bound.update(zip(self.positional, args, strict=False))
        for key, value in keywords.items():
            if key not in self.names or key in self.positional[: len(args)]:
                near = suggest(key, self.names)
                raise LossError(
                    f"{quote(self.node.name)} does not take {quote(key)} here",
                    span,
                    hint=f"did you mean '{near}'?" if near else None,
                )
            bound[key] = value
        missing = [n for n in self.names if n not in bound]
        if missing:
            raise LossError(
                f"{quote(self.node.name)} needs {quote(missing[0])} as well",
                span,
                hint=f"give {missing[0]}=...",
            )
        return bound
