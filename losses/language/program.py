"""A whole text: which expression is the loss, what its parameters are, what is odd about it."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from losses.catalog import KERAS_NAMES, METRIC_NAMES
from losses.metric_info import METRICS

from . import statements
from .answers import read_answer
from .build import Builder, Callee, Value
from .classes import read_classes
from .errors import LossError, Remark, Span, quote, suggest
from .functions import UserFunction
from .grammar import dotted
from .graph import Node, Program, topological
from .inputs import OLD_KERNEL, Provided
from .metric_size import refuse_large
from .names import Names
from .networks import read_network
from .outcome import Outcome, quoted
from .parameters import declare, literal
from .pixels import review_pixels
from .reader import Reader
from .review import review
from .scope import Scope
from .stable import stabilise
from .syntax import Tree, parse
from .walker import check_tree

OUR_FAULT = "this text cannot be read"
# What the arguments of a loss are called.
PREDICTED = ("y_pred", "pred", "preds", "prediction", "predictions", "predicted", "y_hat", "yhat",
             "output", "outputs", "logits", "probs", "p")  # fmt: skip
TARGETS = ("y_true", "true", "target", "targets", "label", "labels", "y", "truth", "gt",
           "ground_truth", "t")  # fmt: skip


def analyse(
    text: str,
    parameters: Mapping[str, float] | None = None,
    *,
    num_classes: int = 10,
    metric: bool = False,
    inputs: Provided | None = None,
) -> Program:
    """Understand a text without computing anything; raises `LossError`, nothing else.

    `parameters` take the place of the values that the text declares. A `metric` may also be the
    bare name of one, needs no gradient, and is evaluated on many more samples at once. With
    `inputs` a name that the run does not have is refused where it stands.
    """
    overrides = dict(parameters or {})
    if inputs is not None:
        num_classes = inputs.sizes.get("C", num_classes)
    if metric and text.strip() in METRICS:
        text = f"{text.strip()}()"
    try:
        tree = parse(text)
        read_network(tree)
        read_answer(tree, inputs)
        read_classes(tree)
        names = Names(tree, METRIC_NAMES if metric else KERAS_NAMES, inputs)
        _call_the_last(tree, names)
        check_tree(tree, names.check_name, names.check_import)
        return _program(tree, names, overrides, num_classes, metric, inputs)
    except LossError:
        raise
    except (RecursionError, MemoryError):
        raise LossError("the text is nested too deeply", hint="name the inner parts") from None
    except Exception as error:  # a mistake of ours must not look like a crash to the visitor
        raise LossError(
            OUR_FAULT, hint="simplify it; this is a mistake of the playground"
        ) from error


def _call_the_last(tree: Tree, names: Names) -> None:
    """A loss of Keras that ends the text by its name alone is called."""
    last = tree.body[-1] if tree.body else None
    value = last.value if isinstance(last, (ast.Expr, ast.Assign)) else None
    if not isinstance(last, (ast.Expr, ast.Assign)) or value is None:
        return
    name = None if isinstance(value, ast.Name) and value.id in names.bound else dotted(value)
    if name is None or names.is_variable(value):
        return
    kind, full = names.lookup(names.resolve(name)), names.resolve(name)
    of_backend = kind == "function" and full.endswith("_crossentropy")
    given: list[ast.expr] = []
    if of_backend:
        given = [ast.copy_location(ast.Name(n, ast.Load()), value) for n in ("y_true", "y_pred")]
    if of_backend or kind in ("loss", "class", "measure"):
        last.value = ast.copy_location(ast.Call(value, given, []), value)


def _program(
    tree: Tree,
    names: Names,
    overrides: dict[str, float],
    num_classes: int,
    metric: bool,
    inputs: Provided | None,
) -> Program:
    """Reads a text. One written before `last_kernel` had that name calls it as the weights of the
    classes are called now: it is read as it was meant where it has no meaning otherwise."""
    given = (tree, names, overrides, num_classes, metric, inputs)
    text, program, refused = _Text(*given), None, None
    try:
        program = text.program()
    except LossError as error:
        refused = error
    weighs = OLD_KERNEL in text.reader.inputs
    if weighs and (program is None or not _weighs_classes(program.order)):
        try:
            return _Text(*given, old_kernel=True).program()
        except LossError:
            # What is wrong with it as it is read now is said instead.
            if program is not None:
                raise LossError(
                    f"{OLD_KERNEL} are used as one number here, which weighs no class",
                    text.reader.inputs[OLD_KERNEL].span,
                    hint=f"multiply class by class, as in {OLD_KERNEL} * y_true",
                ) from None
    if program is None:
        raise refused or LossError(OUR_FAULT)
    return program


def _weighs_classes(order: list[Node]) -> bool:
    """Whether the weights of the classes, or what is made of them alone, meet anything class by
    class; as a number, such as the sum of their squares, they would weigh nothing."""
    alone: set[int] = set()
    for node in order:
        weights = [a for a in node.args if id(a) in alone]
        if node.op == "input":
            if node.attrs["name"] == OLD_KERNEL:
                alone.add(id(node))
        elif weights and all(id(a) in alone or a.static is not None for a in node.args):
            if node.op in ("slice", "take"):
                return True
            alone.add(id(node))
        elif any(a.rank for a in weights):
            return True
    return False


class _Text:
    def __init__(
        self,
        tree: Tree,
        names: Names,
        overrides: dict[str, float],
        num_classes: int,
        metric: bool,
        inputs: Provided | None = None,
        old_kernel: bool = False,
    ) -> None:
        self.tree = tree
        self.b = Builder(num_classes, inputs)
        self.b.notes += tree.notes
        self.b.own = names.bound
        self.reader = Reader(tree, names, self.b, overrides, old_kernel, inputs)
        self.overrides = overrides
        self.metric = metric
        self.what = "metric" if metric else "loss"
        self.scope = Scope()
        self.final: ast.expr | None = None
        self.outcome = Outcome(tree, self.b, metric)

    def program(self) -> Program:
        value = self.run()
        result = stabilise(self.outcome.finished(value, self.place()), self.b)
        unknown = set(self.overrides) - set(self.b.parameters)
        if unknown:
            name = sorted(unknown)[0]
            near = suggest(name, self.b.parameters)
            raise LossError(
                f"the {self.what} has no parameter {quote(name)}"
                + (f": did you mean '{near}'?" if near else ""),
                hint="its parameters are " + (", ".join(self.b.parameters) or "none"),
            )
        order = topological(result)
        used = {n.attrs["name"] for n in order if n.op == "parameter"}
        kept = {n: p for n, p in self.b.parameters.items() if n in used or p.fixed}
        program = Program(
            ("\ufeff" if self.tree.source.shift else "") + self.tree.source.text,
            result,
            kept,
            self.outcome.parts(result),
            self.b.warnings,
            self.b.notes,
            order,
            {n: self.b.labels[n] for n in order if n in self.b.labels},
            self.b.provided,
        )
        if self.metric:
            refuse_large(order)
        else:
            review(program, self.b)
            review_pixels(program, self.b)
        return program

    def place(self) -> Span:
        """Where the loss stands."""
        return self.tree.span(self.final) if self.final is not None else self.b.at

    # -- finding the loss

    def run(self) -> Value:
        body = self.tree.body
        while body and isinstance(body[-1], ast.Pass):
            body = body[:-1]
        for place, statement in enumerate(body):
            last = place == len(body) - 1
            if isinstance(statement, ast.Return):
                if not last:
                    self.b.warn(
                        "unreached",
                        "the lines after this return are never reached",
                        "remove them",
                        self.tree.span(statement),
                    )
                if statement.value is None:
                    raise self.error(statement, "this returns nothing", f"return the {self.what}")
                return self.apply(statement.value)
            if last and isinstance(statement, ast.Expr) and not _is_docstring(statement):
                return self.apply(statement.value)
            if last and isinstance(statement, ast.FunctionDef):
                return self.last_function(statement)
            if isinstance(statement, (ast.For, ast.If, ast.With)):
                value = statements.compound(self.reader, statement, self.scope)
                if value is not None:
                    return value
                continue
            self.statement(statement)
        return self.no_result(body)

    def statement(self, node: ast.stmt) -> None:
        """A line above the last; a plain number given a name for the first time is a parameter."""
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            number = literal(node.value)
            single = len(targets) == 1 and isinstance(targets[0], ast.Name)
            if number is not None and single and node.value is not None:
                name = targets[0].id  # type: ignore[attr-defined]
                if name not in self.b.parameters and self.reader.names.stored[name] == 1:
                    span = self.tree.span(node.value)
                    self.scope.values[name] = declare(
                        self.b, self.tree, name, number, span, self.overrides
                    )
                    return
            made = self.factory(node.value)
            if made is not None:
                for target in targets:
                    statements.assign(self.reader, target, made, self.scope, node)
                return
        statements.simple(self.reader, node, self.scope)

    def no_result(self, body: list[ast.stmt]) -> Value:
        last = body[-1] if body else None
        if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
            name = last.targets[0].id
            value = self.scope.find(name)
            if isinstance(value, Callee):
                return self.apply_value(value, self.tree.span(last), last.value)
            if isinstance(value, Node) and value.static is None:
                self.final = last.value
                self.b.notes.append(
                    Remark(
                        "assigned",
                        f"the value of {name}, which the text ends with, is the {self.what}",
                        self.tree.span(last),
                        "keep the value alone",
                        self.tree.fragment(last.value),
                    )
                )
                return value
            raise self.error(
                last,
                f"the text ends with an assignment, and the {self.what} is its last expression",
                f"add a last line: {name}",
            )
        if isinstance(last, ast.Expr):
            word = last.value.value if isinstance(last.value, ast.Constant) else ""
            word = word if isinstance(word, str) else ""
            raise quoted(word, self.what, self.tree.span(last))
        raise LossError(
            f"there is no {self.what} here: it is the last expression, or a return",
            self.tree.span(last) if last else None,
            hint="add an expression such as -sum(y_true * log(y_pred), axis=-1)",
        )

    def apply(self, node: ast.expr) -> Value:
        self.final = node
        value = self.factory(node)
        if value is None:
            value = self.reader.value(node, self.scope)
        return self.apply_value(value, self.tree.span(node), node)

    def apply_value(self, value: Value, span: Span, node: ast.expr | None) -> Value:
        """A function named as the last thing is called with the target and the prediction."""
        if not isinstance(value, Callee):
            return value
        self.b.at = span
        if isinstance(value.call, UserFunction) and value.call.is_factory:
            return self.call_factory(value.call, {}, span)
        if isinstance(value.call, UserFunction):
            self.final = _returned(value.call.node)
            return self.call_main(value.call, span)
        return value.call([], {}, span)  # a loss of Keras', which takes its inputs by name

    def factory(self, node: ast.expr | None) -> Value | None:
        """`focal(gamma=1.5)`: call a factory of the text, its plain numbers as parameters."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None
        value = self.scope.find(node.func.id)
        if not isinstance(value, Callee) or not isinstance(value.call, UserFunction):
            return None
        function = value.call
        if not function.is_factory or any(isinstance(a, ast.Starred) for a in node.args):
            return None
        given: dict[str, Value] = {}
        pairs = [*zip(function.positional, node.args, strict=False)]
        pairs += [(str(k.arg), k.value) for k in node.keywords]
        if len(node.args) > len(function.positional) or len({n for n, _ in pairs}) < len(pairs):
            return None
        for name, argument in pairs:
            number = literal(argument)
            if number is None or name in self.b.parameters or name not in function.names:
                given[name] = self.reader.value(argument, self.scope)
            else:
                span = self.tree.span(argument)
                given[name] = declare(self.b, self.tree, name, number, span, self.overrides)
        rest = self.defaults(function, list(given))
        self.b.at = self.tree.span(node)
        return function([], {**rest, **given}, self.tree.span(node))

    def last_function(self, node: ast.FunctionDef) -> Value:
        statements.simple(self.reader, node, self.scope)
        value = self.scope.values[node.name]
        assert isinstance(value, Callee) and isinstance(value.call, UserFunction)  # noqa: S101
        self.warn_of_others(node)
        function = value.call
        self.final = _returned(node)
        if function.is_factory:
            return self.call_factory(function, {}, self.tree.span(node))
        return self.call_main(function, self.tree.span(node))

    def call_factory(self, function: UserFunction, given: dict[str, Value], span: Span) -> Value:
        for name in function.required:
            if name not in given:
                raise LossError(
                    f"{quote(function.node.name)} needs a value for {quote(name)}",
                    span,
                    hint=f"add a last line: {function.node.name}({name}=1.0)",
                )
        inner = function([], {**self.defaults(function), **given}, span)
        if not isinstance(inner, Callee) or not isinstance(inner.call, UserFunction):
            raise LossError(f"{quote(function.node.name)} must return a function", span)
        self.final = _returned(inner.call.node)
        return self.call_main(inner.call, self.tree.span(inner.call.node))

    def call_main(self, function: UserFunction, span: Span) -> Value:
        """Call the loss function: first the target, second the prediction, then parameters."""
        free = function.required
        first_two = tensors_of(function.positional)
        if len(first_two) < 2:
            raise LossError(
                f"{quote(function.node.name)} needs two arguments: the target and the prediction",
                span,
                hint="write def loss(y_true, y_pred):",
            )
        extra = [n for n in free if n not in first_two]
        if extra:
            raise LossError(
                f"{quote(function.node.name)} needs a value for {quote(extra[0])}",
                span,
                hint=_defaulted(function, first_two, extra[0]),
            )
        if _is_called(first_two[0], PREDICTED) and _is_called(first_two[1], TARGETS):
            self.b.warn(
                "swapped",
                f"the first argument is the target, and it is called {first_two[0]} here",
                "write def loss(y_true, y_pred):",
                self.tree.span(function.node.args.args[0]),
            )
        own = self.outcome.named_inputs()
        if own != ("y_true", "y_pred") and self.b.provided is not None:
            own = self.by_name(first_two, own, self.b.provided, function)
        given: dict[str, Value] = {
            n: self.reader.input(i) for n, i in zip(first_two, own, strict=True)
        }
        return function([], {**self.defaults(function, first_two), **given}, span)

    def by_name(
        self, names: list[str], own: tuple[str, str], run: Provided, function: UserFunction
    ) -> tuple[str, str]:
        """The inputs that are called what the arguments are: def loss(x, x_hat), of a run that has
        both; else the run's target and prediction."""
        if set(names) <= set(run.inputs):
            return names[0], names[1]
        for argument, is_given in zip(names, own, strict=True):
            if argument in run.inputs and argument != is_given:
                self.b.warn(
                    "swapped",
                    f"{argument} is an input of this run, and what stands in its place here is "
                    f"{is_given}",
                    f"call both arguments what they are: def loss({own[0]}, {own[1]}):",
                    self.tree.span(function.node.args.args[names.index(argument)]),
                )
        return own

    def defaults(self, function: UserFunction, skip: list[str] | None = None) -> dict[str, Value]:
        """The defaults of a function; the plain numbers among them become parameters."""
        found: dict[str, Value] = {}
        values = function.node.args
        named = [*values.posonlyargs, *values.args]
        pairs = [*zip(reversed(named), reversed(values.defaults), strict=False)][::-1]
        pairs += [(a, d) for a, d in zip(values.kwonlyargs, values.kw_defaults, strict=True) if d]
        for arg, default in pairs:
            number = literal(default)
            if arg.arg in (skip or []) or number is None or arg.arg in self.b.parameters:
                continue
            span = self.tree.span(default)
            found[arg.arg] = declare(self.b, self.tree, arg.arg, number, span, self.overrides)
        return found

    def warn_of_others(self, node: ast.FunctionDef) -> None:
        """Two losses that do not call each other: the last is taken, and that is said."""
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for other in self.tree.body[:-1]:
            if isinstance(other, ast.FunctionDef) and other.name not in names:
                used = any(
                    isinstance(n, ast.Name) and n.id == other.name
                    for s in self.tree.body
                    if s is not other
                    for n in ast.walk(s)
                )
                if not used:
                    self.b.warn(
                        "unused-function",
                        f"{quote(other.name)} is not used: the last function, "
                        f"{quote(node.name)}, is the loss",
                        "remove it, or call it",
                        self.tree.span(other),
                    )

    def error(self, node: ast.AST, message: str, hint: str | None = None) -> LossError:
        return LossError(message, self.tree.span(node), hint=hint)


def _is_docstring(node: ast.Expr) -> bool:
    return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _returned(node: ast.FunctionDef) -> ast.expr | None:
    """The expression that a function returns."""
    for statement in node.body:
        if isinstance(statement, ast.Return):
            return statement.value
    return None


def tensors_of(names: list[str]) -> list[str]:
    """The target and the prediction among the arguments of a loss: those so called where the first
    is called neither, else the first two."""
    target = next((n for n in names if n.lower() in TARGETS), None)
    prediction = next((n for n in names if n.lower() in PREDICTED), None)
    known = (*TARGETS, *PREDICTED)
    if target is None or prediction is None or all(n.lower() in known for n in names[:2]):
        return names[:2]
    return [target, prediction]


def _defaulted(function: UserFunction, tensors: list[str], name: str) -> str:
    """How to give an argument of a loss a value, where it may stand."""
    if function.positional[:2] == tensors:
        return f"give it a default: {name}=1.0"
    rest = [n for n in function.positional if n not in (*tensors, name)]
    return f"write def {function.node.name}({', '.join([*tensors, *rest, f'{name}=0.5'])}):"


def _is_called(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name is one of some words, or has one of them in it, such as map_pred; not where
    a letter is all that it shares."""
    name = name.lower()
    return name in words or any(len(w) > 2 and w in words for w in name.split("_"))
