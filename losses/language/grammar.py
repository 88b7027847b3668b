"""What of Python's grammar the language has, and what is said of the rest."""

from __future__ import annotations

import ast
import unicodedata
from typing import TypeGuard

# What may stand in each field: the rest must be empty. Order is the order of the text.
FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Expr: ("value",),
    ast.Assign: ("targets", "value"),
    ast.AnnAssign: ("target", "annotation", "value", "simple"),
    ast.AugAssign: ("target", "op", "value"),
    ast.Return: ("value",),
    ast.For: ("target", "iter", "body"),
    ast.If: ("test", "body", "orelse"),
    ast.FunctionDef: ("decorator_list", "name", "args", "returns", "body"),
    ast.Import: ("names",),
    ast.ImportFrom: ("module", "names", "level"),
    ast.Pass: (),
    ast.With: ("items", "body"),
    ast.withitem: ("context_expr", "optional_vars"),
    ast.Assert: ("test", "msg"),
    ast.Raise: ("exc", "cause"),
    ast.Constant: ("value", "kind"),
    ast.Name: ("id", "ctx"),
    ast.Attribute: ("value", "attr", "ctx"),
    ast.Subscript: ("value", "slice", "ctx"),
    ast.Slice: ("lower", "upper", "step"),
    ast.Tuple: ("elts", "ctx"),
    ast.List: ("elts", "ctx"),
    ast.Call: ("func", "args", "keywords"),
    ast.keyword: ("arg", "value"),
    ast.BinOp: ("left", "op", "right"),
    ast.UnaryOp: ("op", "operand"),
    ast.BoolOp: ("op", "values"),
    ast.Compare: ("left", "ops", "comparators"),
    ast.IfExp: ("body", "test", "orelse"),
    ast.Lambda: ("args", "body"),
    ast.ListComp: ("generators", "elt"),
    ast.GeneratorExp: ("generators", "elt"),
    ast.comprehension: ("target", "iter", "ifs", "is_async"),
    ast.arguments: ("args", "defaults", "posonlyargs", "kwonlyargs", "kw_defaults"),
    ast.arg: ("arg", "annotation"),
    ast.alias: ("name", "asname"),
}


REFUSED: dict[str, tuple[str, str]] = {
    "For": (
        "a loop runs over range(n) or a list of numbers",
        "or operate on the whole tensor, such as sum(..., axis=-1)",
    ),
    "AsyncFor": ("loops are not part of the language", "operate on the whole tensor"),
    "While": ("loops are not part of the language", "operate on the whole tensor"),
    "ClassDef": (
        "a class stands on its own, not inside a function",
        "write it above",
    ),
    "SetComp": ("comprehensions are not part of the language", "operate on the whole tensor"),
    "DictComp": ("comprehensions are not part of the language", "operate on the whole tensor"),
    "Dict": ("a dictionary is not a value of the language", "a loss is a tensor"),
    "Set": ("a set is not a value of the language", "write a list as [1, 2]"),
    "Starred": ("star arguments are not part of the language", "write the arguments out"),
    "NamedExpr": (":= is not part of the language", "assign on a line of its own"),
    "JoinedStr": ("f-strings are not part of the language", "remove it"),
    "Await": ("await is not part of the language", "remove it"),
    "Yield": ("yield is not part of the language", "end the function with return"),
    "Try": ("try is not part of the language", "guard values with clip or where"),
    "TryStar": ("try is not part of the language", "guard values with clip or where"),
    "Assert": ("assert is not part of the language", "remove it"),
    "With": ("with is not part of the language", "keep only the lines of its body"),
    "AsyncWith": ("with is not part of the language", "keep only the lines of its body"),
    "Delete": ("del is not part of the language", "remove it"),
    "Global": ("global is not part of the language", "pass the value as an argument"),
    "Nonlocal": ("nonlocal is not part of the language", "pass the value as an argument"),
    "Match": ("match is not part of the language", "on tensors write where(condition, a, b)"),
}


OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)


LOGICAL = (ast.BitAnd, ast.BitOr, ast.BitXor)


COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


# What Python loops over and the language does not.
NO_LOOPS = ("product", "map", "filter", "reversed", "sorted", "range", "zip", "enumerate")


# What a `with` may open: it names operations, or orders them.
SCOPES = ("name_scope", "variable_scope", "control_dependencies", "device")


DECORATORS = frozenset(
    {
        "tf.function",
        "staticmethod",
        "classmethod",
        "functools.wraps",
        "wraps",
        "tf.autograph.experimental.do_not_convert",
        "keras.saving.register_keras_serializable",
        "tf.keras.utils.register_keras_serializable",
        "keras.utils.register_keras_serializable",
        "tf.keras.saving.register_keras_serializable",
        "register_keras_serializable",
    }
)


def is_loop_over(node: ast.expr) -> TypeGuard[ast.Call]:
    """Whether an expression is range(...), zip(...) or enumerate(...), over which a loop runs."""
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return (
        named
        and node.func.id in ("range", "zip", "enumerate")  # type: ignore[attr-defined]
        and not node.keywords  # type: ignore[attr-defined]
        and bool(node.args)  # type: ignore[attr-defined]
    )


def is_listed(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether an expression is tuple(...) or list(...) of what a loop can run over."""
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return (
        named
        and node.func.id in ("tuple", "list")  # type: ignore[attr-defined]
        and not node.keywords  # type: ignore[attr-defined]
        and len(node.args) == 1  # type: ignore[attr-defined]
    )


def appends(node: ast.AST) -> ast.Call | None:
    """The call of a statement `name.append(value)`; None of any other."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    right = call.func.attr == "append" and isinstance(call.func.value, ast.Name)
    return call if right and len(call.args) == 1 and not call.keywords else None


def of_words(node: ast.Compare) -> bool:
    """Whether a comparison is `x is None` or `kind in ('a', 'b')`."""
    other = node.comparators[0]
    if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
        return isinstance(other, ast.Constant) and other.value is None
    return isinstance(other, (ast.Tuple, ast.List))


def harmless(node: ast.Call) -> bool:
    """Whether a decorator's arguments are plain constants or names."""
    values = [*node.args, *(k.value for k in node.keywords)]
    return all(isinstance(value, (ast.Constant, ast.Name)) for value in values)


def private(name: str) -> bool:
    """Whether a name is one with a single underscore before it, such as `_f`; or `_` alone."""
    return name == "_" or (name[1:2] != "_" and not name.endswith("_"))


def dotted(node: ast.expr) -> str | None:
    """`a.b.c` for a chain of attributes on a name, else None. Names compare after NFKC."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return unicodedata.normalize("NFKC", ".".join(reversed(parts)))
