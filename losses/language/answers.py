"""Whole answers: what builds, trains and prints a network around a loss is left out, and told.

The loss of `model.compile(loss=...)` or `model.add_loss(...)` is the loss of the text; without
either, it is its last function, class or expression. Of the other lines those stay that it needs.
"""

from __future__ import annotations

import ast

from . import outputs
from .errors import LossError, Remark
from .grammar import dotted
from .inputs import Provided
from .syntax import Tree

_TRAINING = (
    "compile", "add_loss", "fit", "fit_generator", "evaluate", "predict", "summary", "add", "save",
    "load_weights", "train_on_batch", "build", "show", "plot", "figure", "legend", "title",
    "xlabel", "ylabel",
)  # fmt: skip
# What they have under such a name is a function of the language, or refused.
_OURS = ("tf", "K", "np", "keras", "ops", "math", "tensorflow", "numpy")
_PRINTS = ("print", "tf.print", "K.print_tensor", "tf.debugging.check_numerics", "logging.info")


def read_answer(tree: Tree, inputs: Provided | None = None) -> None:
    """Leave the loss of a text and what it needs; notes say what is left out. The losses of several
    outputs are added where a run of these `inputs` has several."""
    tree.body = [_Quiet(tree).visit(statement) for statement in tree.body]
    training = [s for s in tree.body if _trains(s)]
    if not training:
        return
    result, spelled, said = _compiled(tree, training, inputs)
    rest = [s for s in tree.body if s not in training]
    if result is None:
        last = _ends(rest, ast.FunctionDef, ast.ClassDef, ast.Expr) or _ends(rest, ast.Assign)
        if last is None:
            return
        rest = rest[: rest.index(last) + 1]
    else:
        last = ast.copy_location(ast.Expr(result), result)
        rest.append(last)
    kept = _needed(rest, last)
    tree.body = kept
    tree.notes.append(_note(tree, training[0], kept, spelled, said))


def _ends(body: list[ast.stmt], *kinds: type[ast.stmt]) -> ast.stmt | None:
    """The last statement of some kinds."""
    return next((s for s in reversed(body) if isinstance(s, kinds)), None)


def _compiled(
    tree: Tree, training: list[ast.stmt], inputs: Provided | None
) -> tuple[ast.expr | None, str, str]:
    """The loss that a network is compiled with, or that is added to it; of several outputs also
    how the sum is spelled, and what is said of it."""
    for wanted in ("compile", "add_loss"):
        for statement in reversed(training):
            call = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr == wanted:
                given = next((k.value for k in call.keywords if k.arg == "loss"), None)
                if given is None and wanted == "compile" and len(call.args) > 1:
                    given = call.args[1]
                if given is None and wanted == "add_loss" and call.args:
                    given = call.args[0]
                if isinstance(given, ast.Name):
                    given = _assigned(tree, given)
                if _counted(given) > 1 and inputs is not None and outputs.heads(inputs):
                    return outputs.summed(tree, call, given, inputs)  # type: ignore[arg-type]
                if given is not None:
                    return _single(tree, given), "", ""
    return None, "", ""


def _assigned(tree: Tree, name: ast.Name) -> ast.expr:
    """What a name stands for where that is a list or a dictionary of losses; else the name."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and target.id == name.id and _counted(statement.value):
                return statement.value
    return name


def _counted(node: ast.expr | None) -> int:
    """How many losses a list or a dictionary has."""
    several = node.elts if isinstance(node, (ast.List, ast.Tuple)) else ()
    return len(node.values if isinstance(node, ast.Dict) else several)


def _single(tree: Tree, node: ast.expr) -> ast.expr:
    """The one loss that `loss=` is given; a name in quotes as the loss it names."""
    several = node.elts if isinstance(node, (ast.List, ast.Tuple)) else None
    several = node.values if isinstance(node, ast.Dict) else several
    if several is not None and len(several) != 1:
        raise LossError(
            "a network with several outputs has a loss for each, and here there is one output",
            tree.span(node),
            hint="keep the loss of one of them",
        )
    node = several[0] if several else node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = ast.copy_location(ast.Name(node.value, ast.Load()), node)
        return ast.copy_location(ast.Call(name, [], []), node)
    return node


def _trains(node: ast.stmt) -> bool:
    """Whether a line builds, trains or shows a network."""
    call = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    last, root = call.func.attr, (dotted(call.func) or "").partition(".")[0]
    if root in _OURS:
        return False
    if isinstance(node, ast.Assign) or not root:
        return last in ("fit", "compile", "evaluate", "predict")
    return last in _TRAINING


def _needed(body: list[ast.stmt], last: ast.stmt) -> list[ast.stmt]:
    """The statements of which the last needs a name, in their order, and it."""
    kept, names, before = {id(last)}, _loaded(last), -1
    while before != len(kept):
        before = len(kept)
        for statement in body:
            if id(statement) not in kept and _bound(statement) & names:
                kept.add(id(statement))
                names |= _loaded(statement)
    return [s for s in body if id(s) in kept]


def _loaded(node: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement gives a meaning."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {n.id for n in stored if isinstance(n.ctx, ast.Store)}


def _note(
    tree: Tree, first: ast.stmt, kept: list[ast.stmt], spelled: str = "", said: str = ""
) -> Remark:
    """What is left out; the text without it can take its place."""
    pieces = [_source(tree, statement) for statement in (kept[:-1] if spelled else kept)]
    pieces += [spelled.rstrip("\n")] if spelled else []
    place = tree.span(first)
    message = "the lines that build, train or show a network are left out"
    message = f"{said}; {message}" if said else message
    if not tree.scan.indented:
        whole = tree.source.span(0, len(tree.source.text))
        return Remark("left-out", message, whole, "keep only the loss", "\n\n".join(pieces) + "\n")
    return Remark("left-out", message, place)


def _source(tree: Tree, node: ast.stmt) -> str:
    """The text of a statement, with its decorators; a loss that was named in quotes as a call."""
    value = node.value if isinstance(node, ast.Expr) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and not value.args:
        quoted = tree.fragment(value)[:1] in ("'", '"')
        if quoted:
            return f"{value.func.id}()"
    start, end = tree.offsets(node)
    decorated = node.decorator_list if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
    for each in decorated:
        start = min(start, tree.source.text.rindex("@", 0, tree.offsets(each)[0]))
    return tree.source.text[start:end]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Quiet(ast.NodeTransformer):
    """Leaves out what only prints; a print into a file stays, and is refused."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value
        if not isinstance(call, ast.Call) or dotted(call.func) not in _PRINTS:
            return node
        if any(k.arg in ("output_stream", "file", None) for k in call.keywords):
            return node
        span = self.tree.span(node)
        self.tree.notes.append(Remark("print", "what is printed is left out", span))
        return ast.copy_location(ast.Pass(), node)
