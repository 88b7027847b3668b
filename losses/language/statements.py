"""Statements, and the loops and branches in them, read by a `Reader`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import conditions, operations
from . import elementwise as el
from . import structure as st
from .build import DONE, MAX_LIST, Items, Value, dims
from .grammar import appends, is_loop_over
from .graph import Node, topological
from .review import prediction_nodes
from .scope import Scope

if TYPE_CHECKING:
    from .reader import Reader

MAX_ROUNDS = 64


def block(r: Reader, body: list[ast.stmt], scope: Scope) -> Value | None:
    """Run statements up to a return; the value returned, or None."""
    for place, statement in enumerate(body):
        if isinstance(statement, ast.Return):
            if statement.value is None:
                raise r.error(statement, "this returns nothing", "return the loss")
            return r.value(statement.value, scope)
        if isinstance(statement, (ast.For, ast.If, ast.With)):
            value = compound(r, statement, scope, body[place + 1 :])
            if value is not None:
                return value
        else:
            simple(r, statement, scope)
    return None


def compound(
    r: Reader, node: ast.For | ast.If | ast.With, scope: Scope, rest: Sequence[ast.stmt] = ()
) -> Value | None:
    """A loop with a known number of rounds, written out; the branch of an `if` that is taken;
    what a `with` only gives a name. The value where it returns one; `rest` follows it."""
    if isinstance(node, ast.With):
        return block(r, node.body, scope)
    if isinstance(node, ast.If):
        test = r.value(node.test, scope)
        if isinstance(test, Node) and conditions.is_number(test):
            return branched(r, node, r.b.cast(test, "bool"), scope, rest)
        taken = r.truth(test, node, "the condition of 'if'")
        return block(r, node.body if taken else node.orelse, scope)
    for value in rounds(r, node.iter, scope):
        assign(r, node.target, value, scope, node)
        returned = block(r, node.body, scope)
        if returned is not None:
            return returned
    return None


def branched(
    r: Reader, node: ast.If, test: Node, scope: Scope, rest: Sequence[ast.stmt]
) -> Value | None:
    """Both branches of an `if` on a number of the batch, chosen from as AutoGraph does."""
    if len(set(test.shapes[0])) > 0:
        test = st.squeeze(r.b, test)
    leaves = conditions.returns(node.body) or conditions.returns(node.orelse)
    ends, scopes = [], []
    for body in (node.body, node.orelse):
        inner = Scope(scope.parent, dict(scope.values))
        ends.append(block(r, [*body, *rest] if leaves else body, inner))
        scopes.append(inner.values)
    r.b.at = r.tree.span(node.test)
    if not leaves:
        scope.values.update(conditions.merged(r.b, test, *scopes))
        for name in {*scopes[0], *scopes[1]} - set(scopes[0]) & set(scopes[1]):
            scope.values.pop(name, None)
        return None
    made = [r.b.tensor(end) for end in ends if end is not None]
    if len(made) < 2:
        raise r.error(
            node, "one branch of this 'if' returns and the other does not", "return from both"
        )
    return el.where(r.b, test, made[0], made[1])


def rounds(r: Reader, node: ast.expr, scope: Scope) -> tuple[Value, ...]:
    """What a loop variable becomes, round by round."""
    if not is_loop_over(node):
        values = entries(r, node, scope)
    elif node.func.id == "range":  # type: ignore[attr-defined]
        bounds = [r.b.integer(r.value(a, scope), "the bound of a range") for a in node.args]
        if not 1 <= len(bounds) <= 3 or 0 in bounds[2:]:
            raise r.error(node, "a range is range(n) or range(first, end, step)")
        numbers = range(*bounds)
        r.b.at = r.tree.span(node)
        values = tuple(r.b.const(i) for i in numbers[: MAX_ROUNDS + 1])
    elif node.func.id == "zip":  # type: ignore[attr-defined]
        sides = [rounds(r, a, scope) for a in node.args]
        values = tuple(Items(each) for each in zip(*sides, strict=False))
    else:
        inner = rounds(r, node.args[0], scope)
        first = r.b.integer(r.value(node.args[1], scope), "a start") if node.args[
            1:
        ] else 0  # fmt: skip
        values = tuple(Items((r.b.const(i), value)) for i, value in enumerate(inner, first))
    if len(values) > MAX_ROUNDS:
        raise r.error(
            node, f"a loop has at most {MAX_ROUNDS} rounds", "operate on the whole tensor"
        )
    return values


def entries(r: Reader, node: ast.expr, scope: Scope) -> tuple[Value, ...]:
    """The entries of a list, or of a table of numbers."""
    value = r.value(node, scope)
    r.b.at = r.tree.span(node)
    if isinstance(value, Node) and value.op == "array":
        rows = min(value.shapes[0][0], MAX_ROUNDS + 1)
        return tuple(st.slices(r.b, value, (i,)) for i in range(rows))
    if not isinstance(value, Items):
        raise r.error(
            node,
            "a loop cannot run over a tensor",
            "operate on the whole tensor, such as sum(..., axis=-1)",
        )
    return value.values


def comprehension(r: Reader, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Items:
    """A list built by a loop of known length."""
    found: list[Value] = []

    def run(loops: list[ast.comprehension], inner: Scope) -> None:
        if not loops:
            found.append(r.value(node.elt, inner))
            return
        for value in rounds(r, loops[0].iter, inner):
            assign(r, loops[0].target, value, inner, None)
            tests = (r.value(test, inner) for test in loops[0].ifs)
            if all(r.truth(test, node, "the condition of a list") for test in tests):
                run(loops[1:], inner)
            if len(found) > MAX_LIST:
                raise r.error(node, f"this list has more than {MAX_LIST:,} entries")

    run(node.generators, Scope(scope))
    r.b.at = r.tree.span(node)
    return Items(tuple(found))


def append(r: Reader, call: ast.Call, scope: Scope) -> None:
    """`parts.append(x)`: the list becomes a longer one, under each of its names."""
    name = call.func.value  # type: ignore[attr-defined]
    before = r.lookup(name, scope)
    if not isinstance(before, Items):
        raise r.error(name, "only a list can be appended to", "begin with parts = []")
    after = Items((*before.values, r.value(call.args[0], scope)))
    if len(after.values) > MAX_LIST:
        raise r.error(call, f"this list has more than {MAX_LIST:,} entries")
    around: Scope | None = scope
    while around is not None:
        for other in [n for n, value in around.values.items() if value is before]:
            around.values[other] = after
        around = around.parent


def simple(r: Reader, node: ast.stmt, scope: Scope) -> None:
    if isinstance(node, ast.Assign):
        value = r.value(node.value, scope)
        for target in node.targets:
            assign(r, target, value, scope, node)
    elif isinstance(node, ast.AnnAssign):
        if node.value is None:
            raise r.error(node, "this names a type and no value", "write name = value")
        assign(r, node.target, r.value(node.value, scope), scope, node)
    elif isinstance(node, ast.AugAssign):
        assert isinstance(node.target, ast.Name)  # noqa: S101  (checked by the walker)
        before = r.lookup(node.target, scope)
        r.b.at = r.tree.span(node)
        after = operations.arithmetic(r, node.op, before, r.value(node.value, scope), node)
        assign(r, node.target, after, scope, node)
    elif isinstance(node, ast.FunctionDef):
        scope.values[node.name] = r.function(node, scope)
    elif isinstance(node, ast.Assert):
        r.b.note("assert", "assertions are ignored", r.tree.span(node))
    elif isinstance(node, ast.Raise):
        raise r.error(node, "this raises an error, and no loss comes of it", "remove it")
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        r.b.note("import", "imports are not needed and are ignored", r.tree.span(node))
    elif isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return
        appended = appends(node)
        if appended is not None:
            return append(r, appended, scope)
        made = r.value(node.value, scope)
        if made == DONE:
            return
        r.b.warn(
            "unused",
            "this expression is not used: only the last one is the loss",
            "remove it, or assign it to a name",
            r.tree.span(node),
        )


def assign(r: Reader, target: ast.expr, value: Value, scope: Scope, at: ast.stmt | None) -> None:
    if isinstance(target, (ast.Tuple, ast.List)):
        values = unpack(r, value, len(target.elts), target)
        for name, item in zip(target.elts, values, strict=True):
            assign(r, name, item, scope, at)
        return
    assert isinstance(target, ast.Name)  # noqa: S101  (checked by the walker)
    if isinstance(value, Node):
        if at is not None:
            check_rebinding(r, target.id, value, at)
        r.b.labels.setdefault(value, target.id.rpartition(".")[2])
    scope.values[target.id] = value


def unpack(r: Reader, value: Value, count: int, at: ast.expr) -> tuple[Value, ...]:
    if isinstance(value, Node) and value.op == "shape":
        value = Items(dims(r.b, value.args[0]))
    if isinstance(value, Node) and value.op == "array" and value.shapes[0][0] == count:
        value = Items(tuple(st.slices(r.b, value, (i,)) for i in range(count)))
    if not isinstance(value, Items):
        raise r.error(at, "only a list or a tuple can be unpacked", "assign one name")
    if len(value.values) != count:
        raise r.error(at, f"{len(value.values)} values cannot fill {count} names")
    return value.values


def check_rebinding(r: Reader, name: str, value: Node, at: ast.stmt) -> None:
    if name not in ("y_true", "y_pred") or at in r.checked:
        return
    r.checked.add(at)  # once, however often a loop runs it
    order = topological(value)
    used = {n.attrs["name"] for n in order if n.op == "input"}
    if name not in used or (name == "y_true" and id(value) in prediction_nodes(order)):
        r.b.warn(
            "rebound",
            f"this replaces {name}: the rest of the loss no longer sees the real one",
            "choose another name",
            r.tree.span(at),
        )
