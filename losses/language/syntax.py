"""From text to a checked syntax tree: Python's grammar, cut down to an exact allowlist.

Every field of every node is either visited or required to be empty, in the order of the
text, so that the first fault is the one reported. Unreached code is checked too.
"""

from __future__ import annotations

import ast
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeGuard

from .errors import LossError, Remark, Span, quote
from .source import Source
from .tokens import Scan, scan

MAX_DEPTH = 120
MAX_NODES = 6_000
# What a class of a loss calls the way in which its values are reduced.
REDUCTION = "self.reduction"


@dataclass
class Tree:
    """A checked text: its statements, and the places of everything in them."""

    source: Source
    scan: Scan
    body: list[ast.stmt]
    line_shift: int
    indent: int
    spans: dict[ast.AST, Span] = field(default_factory=dict)
    notes: list[Remark] = field(default_factory=list)  # on what was left out of it
    # functions that are losses of Keras, whose values a sample are reduced, as their class says
    reduced: set[ast.FunctionDef] = field(default_factory=set)

    def offsets(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends in the text."""
        return self.source.node_offsets(node, self.line_shift, self.indent)

    def span(self, node: ast.AST) -> Span:
        """Where a node stands in the typed text."""
        found = self.spans.get(node)
        if found is None:
            found = self.source.span(*self.offsets(node))
            self.spans[node] = found
        return found

    def operator_span(self, left: ast.AST, right: ast.AST) -> Span:
        """Where the operator between two operands stands."""
        start = self.offsets(left)[1]
        end = self.offsets(right)[0]
        signs = [t for t in self.scan.between(start, end) if t.text not in ("(", ")")]
        if not signs:
            return self.source.span(start, end)
        return self.source.span(signs[0].start, signs[-1].end)

    def from_operator(self, left: ast.AST, right: ast.AST) -> Span:
        """From the operator to the end of its right side."""
        sign, end = self.operator_span(left, right), self.span(right)
        return Span(sign.line, sign.column, end.end_line, end.end_column)

    def fragment(self, node: ast.AST) -> str:
        """The typed text of a node."""
        start, end = self.offsets(node)
        return self.source.text[start:end]


def parse(text: str) -> Tree:
    """Read a text into a checked tree; raises `LossError`, never anything else."""
    source = Source(text)
    scanned = scan(source)
    # The text is parsed as the body of one statement, `if 1:`, in Python's mode for a single
    # statement: in its mode for a file, a mistake makes it look for a file to quote from.
    # A body pasted from a function is indented already, and keeps its columns.
    indent = 0 if scanned.indented else 1
    head = "if 1:\n" if scanned.indented else "if 1:\n pass\n"
    ends = [*source.starts[1:], len(source.text)]
    lines = [source.text[a:b] for a, b in zip(source.starts, ends, strict=True)]
    shift = head.count("\n")
    inside = "".join(" " * indent + line if line.strip() else line for line in lines)
    module = _parse(source, f"{head}{inside}\n", shift, indent)
    block = module.body[0]
    if len(module.body) != 1 or not isinstance(block, ast.If) or block.orelse:
        raise LossError("the indentation of the first line is not kept", hint="align the lines")
    tree = Tree(source, scanned, block.body[indent:], shift, indent)
    _check_depth(tree)
    return tree


def _parse(source: Source, text: str, shift: int, indent: int) -> ast.Interactive:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="single")
    except SyntaxError as error:
        if "multiple statements" in (error.msg or ""):
            hint = "align the lines"
            raise LossError("the indentation of the first line is not kept", hint=hint) from None
        raise _syntax_error(source, error, shift, indent) from None
    except (RecursionError, MemoryError):
        raise LossError("the text is nested too deeply", hint="name the inner parts") from None
    except (ValueError, OverflowError, UnicodeError):
        raise LossError("the text cannot be read", hint="retype it by hand") from None


def _syntax_error(source: Source, error: SyntaxError, shift: int, indent: int) -> LossError:
    line = min(max((error.lineno or 1) - shift, 1), len(source.lines))
    width = len(source.lines[line - 1])
    column = min(max((error.offset or 1) - indent, 1), width + 1)
    start = source.starts[line - 1] + column - 1
    end = min(start + 1, source.starts[line - 1] + width)
    after = (error.end_offset or 0) - indent
    if error.end_lineno == error.lineno and after > column:
        end = source.starts[line - 1] + min(after - 1, width)
    shown = source.text[start:end].strip()
    at = f"near {quote(shown)}" if shown else "at the end of the line"
    return LossError(
        f"this is not a complete expression {at}",
        source.span(start, max(end, start)),
        hint="check operators, commas and brackets around it",
    )


def _check_depth(tree: Tree) -> None:
    count = 0
    queue: list[tuple[ast.AST, int]] = [(node, 1) for node in tree.body]
    while queue:
        node, depth = queue.pop()
        count += 1
        if depth > MAX_DEPTH:
            while not hasattr(node, "lineno"):
                node = next(ast.iter_child_nodes(node))
            raise LossError(
                f"the expression is nested more than {MAX_DEPTH} deep",
                tree.span(node),
                hint="name parts of it with assignments, on lines of their own",
            )
        queue += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    if count > MAX_NODES:
        raise LossError(
            f"the text has {count:,} parts; at most {MAX_NODES:,} are read",
            hint="keep only the loss itself",
        )


# What may stand in each field: the rest must be empty. Order is the order of the text.
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
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

_REFUSED: dict[str, tuple[str, str]] = {
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

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)
_LOGICAL = (ast.BitAnd, ast.BitOr, ast.BitXor)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)

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
        fields = _FIELDS.get(type(node))
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
        message, hint = _REFUSED.get(kind, ("this is not part of the language", "remove it"))
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
        if (plain.startswith("_") and (part or not _private(plain))) or "__" in plain:
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
        if isinstance(node.op, (*_OPERATORS, *_LOGICAL)):
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
        if not (isinstance(node.ops[0], _COMPARISONS) or _of_words(node)):
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
            if last not in _SCOPES or not isinstance(item.optional_vars, (ast.Name, type(None))):
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
            over.func.id in _NO_LOOPS
        ):  # fmt: skip
            message, hint = _REFUSED["For"]
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
        if name not in DECORATORS or (isinstance(node, ast.Call) and not _harmless(node)):
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
        if isinstance(node, ast.AugAssign) and not isinstance(node.op, (*_OPERATORS, *_LOGICAL)):
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


# What Python loops over and the language does not.
_NO_LOOPS = ("product", "map", "filter", "reversed", "sorted", "range", "zip", "enumerate")
# What a `with` may open: it names operations, or orders them.
_SCOPES = ("name_scope", "variable_scope", "control_dependencies", "device")
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


def _of_words(node: ast.Compare) -> bool:
    """Whether a comparison is `x is None` or `kind in ('a', 'b')`."""
    other = node.comparators[0]
    if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
        return isinstance(other, ast.Constant) and other.value is None
    return isinstance(other, (ast.Tuple, ast.List))


def _harmless(node: ast.Call) -> bool:
    """Whether a decorator's arguments are plain constants or names."""
    values = [*node.args, *(k.value for k in node.keywords)]
    return all(isinstance(value, (ast.Constant, ast.Name)) for value in values)


def _private(name: str) -> bool:
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
