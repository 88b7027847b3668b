"""Classes, read as the function that makes their loss, which is what they amount to.

    class Gained(keras.losses.Loss):             def Gained(gain=2.0):
        def __init__(self, gain=2.0):                `self.gain` = gain
            super().__init__()                       def `self.call`(y_true, y_pred):
            self.gain = gain            becomes          return `self.gain` * ...
        def call(self, y_true, y_pred):              return `self.call`
            return self.gain * ...

An attribute of `self` becomes one name, with a dot that no name typed by hand can have, so that no
object ever comes to be. The methods of a loss that has lost its class are read as those of one.
A Keras metric is read over a whole evaluation at once: its sums begin at 0 and are added to once.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass, field

from .class_parts import (
    VARIABLES,
    T,
    attributes,
    decorated,
    is_reduction,
    is_super,
    is_text,
    makes_weights,
    no_arguments,
    placed,
    returned,
    super_init,
    super_inits,
    takes_two,
    targets,
)
from .errors import LossError, quote
from .grammar import dotted
from .syntax import REDUCTION, WEIGHTS, Tree
from .vocabulary import LOSS_CLASSES

# Methods that say how an object is saved, shown or begun anew, not what it computes.
_UNREAD = ("get_config", "from_config", "reset_state", "reset_states", "compute_output_shape",
           "compute_mask", "__repr__", "__str__", "get_prunable_weights")  # fmt: skip
_PLAIN_BASES = ("object", "ABC", "Loss", "LossFunctionWrapper", "Layer", "Metric",
                "MeanMetricWrapper", "Callable")  # fmt: skip
_ASSIGNED = {"assign_add": ast.Add, "assign_sub": ast.Sub}
_CALLED = "__call__"


def read_classes(tree: Tree) -> None:
    """Put functions in the place of the classes of a text; raises `LossError`."""
    body = _gathered(tree)
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    if not classes:
        return
    found = {name: _Class(tree, node, classes) for name, node in classes.items()}
    mains = {name: each.main for name, each in found.items()}
    made: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            made.append(found[statement.name].function())
        else:
            made.append(_Instances(mains).visit(statement))
    tree.body = made


def _gathered(tree: Tree) -> list[ast.stmt]:
    """The statements, methods that stand outside a class put into one."""
    loose = [s for s in tree.body if isinstance(s, ast.FunctionDef) and _self(s)]
    if not loose:
        return tree.body
    node = ast.ClassDef("loss", [], [], [*loose], [])
    ast.copy_location(node, loose[0])
    place = tree.body.index(loose[-1])
    kept = [s for s in tree.body if s not in loose]
    kept.insert(place - len(loose) + 1, node)
    return kept


def _self(node: ast.FunctionDef) -> str | None:
    """What a method calls its object."""
    first = [*node.args.posonlyargs, *node.args.args][:1]
    return first[0].arg if first and first[0].arg in ("self", "cls") else None


@dataclass
class _Class:
    """One class: its methods, and the function they become."""

    tree: Tree
    node: ast.ClassDef
    classes: dict[str, ast.ClassDef]
    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: list[ast.stmt] = field(default_factory=list)
    base: ast.expr | None = None  # a configured loss of Keras
    reduces: bool = False  # it is a loss of Keras, which takes the mean over the batch, or the sum
    called: bool = False  # but has a __call__ of its own, which Keras' reducing stands in

    def __post_init__(self) -> None:
        self.collect(self.node, ())
        self.check_weights()
        self.main = self.find_main()
        stored = {n.attr for m in self.methods.values() for n in attributes(m, ast.Store)}
        self.named = {t.id for s in self.constants for t in targets(s) if isinstance(t, ast.Name)}
        self.known = stored | self.named | set(self.methods)
        self.properties = {n for n, m in self.methods.items() if decorated(m, "property")}

    def error(self, node: ast.AST, message: str, hint: str) -> LossError:
        return LossError(message, self.tree.span(node), hint=hint)

    # -- what the class holds

    def collect(self, node: ast.ClassDef, inside: tuple[str, ...]) -> None:
        """Methods and numbers of a class and of those of the text it is made from."""
        if node.keywords or node.name in inside:
            raise self.error(node, "this class is not one of a loss", "write class L(Loss):")
        for base in node.bases:
            name = (dotted(base) or "").rpartition(".")[2]
            if name == "Module":
                raise self.error(
                    node,
                    "this is a class of PyTorch",
                    "write class L(keras.losses.Loss), and its forward as call(self, y_true, "
                    "y_pred) with the functions of Keras",
                )
            self.reduces |= name in LOSS_CLASSES or name in ("Loss", "LossFunctionWrapper")
            if name in self.classes and isinstance(base, ast.Name):
                self.collect(self.classes[name], (*inside, node.name))
            elif name in LOSS_CLASSES:
                self.base = base
            elif name not in _PLAIN_BASES:
                raise self.error(
                    node,
                    f"a class of {quote(self.tree.fragment(base))} is not part of the language",
                    "a loss is a class of keras.losses.Loss, or a function of y_true and y_pred",
                )
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                self.add_method(statement, node)
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                self.constants.append(statement)
            elif not isinstance(statement, ast.Pass) and not is_text(statement):
                raise self.error(
                    statement, "this cannot stand in a class", "keep its methods and numbers"
                )

    def add_method(self, method: ast.FunctionDef, owner: ast.ClassDef) -> None:
        name = method.name
        if name in _UNREAD or (name == "build" and not makes_weights(method)):
            return
        if name.startswith("__") and name not in ("__init__", _CALLED):
            raise LossError(
                f"the method {quote(name)} is not part of the language",
                self.tree.span(method),
                hint="remove it",
            )
        if name == "__init__" and name in self.methods and super_inits(method):
            raise self.error(
                owner,
                "a class with an __init__ on top of that of another class of the text is not "
                "part of the language",
                "set all its numbers in one __init__",
            )
        self.called |= name == _CALLED
        self.methods["call" if name == _CALLED else name] = method

    @property
    def is_metric(self) -> bool:
        return "update_state" in self.methods and "result" in self.methods

    def check_weights(self) -> None:
        """Refuse a layer that holds weights: they are part of the network."""
        if self.is_metric:
            return
        maker = next((m for m in self.methods.values() if makes_weights(m)), None)
        if maker is None:
            return
        centres = "cent" in self.tree.fragment(self.node).lower()
        raise self.error(
            self.node,
            "this layer holds weights of its own, and a loss has none",
            "for centres of the classes, which are learnt, write center()"
            if centres
            else "write the loss as a function of y_true and y_pred",
        )

    def find_main(self) -> str:
        """The name of the method that is the loss."""
        if self.is_metric:
            return "result"
        if "call" in self.methods:
            return "call"
        if "forward" in self.methods:
            raise self.error(
                self.methods["forward"],
                "forward is what PyTorch calls",
                "write it as call(self, y_true, y_pred), with the functions of Keras",
            )
        takers = [n for n, m in self.methods.items() if n != "__init__" and takes_two(m)]
        if takers:
            return takers[-1]
        if self.base is not None:
            return "super"
        raise self.error(
            self.node, "this class has no call(self, y_true, y_pred)", "write it: it is the loss"
        )

    # -- what it becomes

    def function(self) -> ast.FunctionDef:
        node, init = self.node, self.methods.get("__init__")
        body: list[ast.stmt] = [
            self.method(m)
            for name, m in self.methods.items()
            if name not in ("__init__", "update_state", self.main)
        ]
        body += [_Rewriting(self, None, self.named).visit(s) for s in self.constants]
        if init is not None:
            body += self.statements(init)
        else:
            body += self.without_init()
        if init is None and self.base is not None:
            body.append(self.configured(ast.copy_location(ast.Call(self.base, [], []), self.base)))
        if self.main != "super":
            body.append(self.metric() if self.is_metric else self.method(self.methods[self.main]))
            at: ast.AST = self.methods[self.main]
        else:
            body.append(self.of_base())
            at = node
        main = f"self.{self.main}"
        if self.reduces and not self.called:
            body.append(self.as_keras_calls(body[-1]))
            main = "self.reduced"
        body.append(placed(ast.Return(placed(ast.Name(main, ast.Load()), at)), at))
        arguments = self.arguments(init) if init is not None else no_arguments()
        if self.reduces and (init is None or init.args.kwarg is not None):
            self.add_options(arguments, node)
        made = ast.FunctionDef(node.name, arguments, body, node.decorator_list)
        return placed(made, node)

    def without_init(self) -> list[ast.stmt]:
        if not self.reduces:
            return []
        name = placed(ast.Name(REDUCTION, ast.Store()), self.node)
        return [
            placed(
                ast.Assign([name], placed(ast.Name("reduction", ast.Load()), self.node)), self.node
            )
        ]

    def as_keras_calls(self, main: ast.stmt) -> ast.FunctionDef:
        """The loss as Keras calls it, which weighs and reduces what it gives."""
        assert isinstance(main, ast.FunctionDef)  # noqa: S101
        names = [a.arg for a in (*main.args.posonlyargs, *main.args.args)]
        given: list[ast.expr] = [placed(ast.Name(n, ast.Load()), main) for n in names]
        only = [
            placed(ast.keyword(a.arg, placed(ast.Name(a.arg, ast.Load()), main)), main)
            for a in main.args.kwonlyargs
        ]
        call = placed(ast.Call(placed(ast.Name(main.name, ast.Load()), main), given, only), main)
        last = returned(main)
        whole = main.args
        if WEIGHTS not in (*names, *(a.arg for a in whole.kwonlyargs)):
            whole = ast.arguments(
                whole.posonlyargs, [*whole.args, placed(ast.arg(WEIGHTS), main)], None,
                whole.kwonlyargs, whole.kw_defaults, None,
                [*whole.defaults, placed(ast.Constant(None), main)],
            )  # fmt: skip
        made = ast.FunctionDef("self.reduced", whole, [placed(ast.Return(call), last or main)], [])
        self.tree.reduced.add(placed(made, main))
        return made

    def add_options(self, arguments: ast.arguments, at: ast.AST) -> None:
        """What any loss of Keras takes, where its class passes on what it does not name."""
        there = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        for name, value in (("name", None), ("reduction", "sum_over_batch_size"), ("dtype", None)):
            if name not in there:
                arguments.kwonlyargs.append(placed(ast.arg(name), at))
                arguments.kw_defaults.append(placed(ast.Constant(value), at))

    def reduction(
        self, call: ast.Call, method: ast.FunctionDef, name: str | None
    ) -> list[ast.stmt]:
        """How the values are reduced, as `super().__init__(reduction=...)` says it."""
        given = [k.value for k in call.keywords if k.arg == "reduction"]
        given += [a for a in call.args if is_reduction(a)]
        there = [a.arg for a in (*method.args.args, *method.args.kwonlyargs)]
        if not given and "reduction" not in there and any(k.arg is None for k in call.keywords):
            given = [placed(ast.Name("reduction", ast.Load()), call)]
        target = placed(ast.Name(REDUCTION, ast.Store()), call)
        return [placed(ast.Assign([target], self.rewritten(g, name)), call) for g in given[:1]]

    def method(self, method: ast.FunctionDef) -> ast.FunctionDef:
        outside = ("staticmethod", "classmethod", "property")
        decorators = [d for d in method.decorator_list if dotted(d) not in outside]
        made = ast.FunctionDef(
            f"self.{'call' if method.name == _CALLED else method.name}",
            self.arguments(method),
            self.statements(method),
            decorators,
            method.returns,
        )
        return placed(made, method)

    def metric(self) -> ast.FunctionDef:
        """update_state and result, one after the other."""
        update, result = self.methods["update_state"], self.methods["result"]
        steps = self.statements(update)
        if steps and isinstance(steps[-1], ast.Return):
            last = steps.pop()
            assert isinstance(last, ast.Return)  # noqa: S101
            if last.value is not None:
                steps.append(self.assigned(placed(ast.Expr(last.value), last)))
        made = ast.FunctionDef(
            "self.result", self.arguments(update), [*steps, *self.statements(result)], []
        )
        return placed(made, result)

    def of_base(self) -> ast.FunctionDef:
        """The loss of Keras that a class without a call of its own is."""
        node = self.node
        names: list[ast.expr] = [
            placed(ast.Name(n, ast.Load()), node) for n in ("y_true", "y_pred")
        ]
        inner = placed(
            ast.Call(placed(ast.Name("self.super.call", ast.Load()), node), names, []), node
        )
        arguments = no_arguments()
        arguments.args = [placed(ast.arg(n), node) for n in ("y_true", "y_pred")]
        return placed(
            ast.FunctionDef("self.super", arguments, [placed(ast.Return(inner), node)], []), node
        )

    def arguments(self, method: ast.FunctionDef) -> ast.arguments:
        """The arguments of a method without its object, and without what collects the rest."""
        old = method.args
        made = ast.arguments(
            list(old.posonlyargs), list(old.args), None, list(old.kwonlyargs),
            list(old.kw_defaults), None, list(old.defaults),
        )  # fmt: skip
        if not decorated(method, "staticmethod"):
            if not (made.posonlyargs or made.args):
                raise self.error(
                    method, f"{quote(method.name)} has no argument self", "write it first: self"
                )
            del (made.posonlyargs or made.args)[0]
            made.defaults = made.defaults[-len(made.posonlyargs + made.args) :]
            if not made.posonlyargs + made.args:
                made.defaults = []
        return made

    def statements(self, method: ast.FunctionDef) -> list[ast.stmt]:
        """The body of a method, `self` and `super` written out."""
        named = [*method.args.posonlyargs, *method.args.args][:1]
        name = None if decorated(method, "staticmethod") or not named else named[0].arg
        body = []
        for statement in method.body:
            call = super_init(statement)
            if call is None:
                body.append(self.assigned(self.rewritten(statement, name)))
                continue
            if self.reduces and method.name == "__init__":
                body += self.reduction(call, method, name)
            if self.base is not None:
                kept = [
                    self.rewritten(k, name)
                    for k in call.keywords
                    if k.arg not in (None, "reduction")
                ]
                given = [self.rewritten(a, name) for a in call.args]
                own = placed(ast.Call(self.base, given, kept), statement)
                body.append(self.configured(own))
        return body or [placed(ast.Pass(), method)]

    def configured(self, call: ast.Call) -> ast.stmt:
        """What `super().call` calls: the loss of Keras, before it is reduced."""
        none = placed(ast.keyword("reduction", placed(ast.Constant("none"), call)), call)
        call = placed(ast.Call(call.func, call.args, [*call.keywords, none]), call)
        name = placed(ast.Name("self.super.call", ast.Store()), call)
        return placed(ast.Assign([name], call), call)

    def assigned(self, statement: ast.stmt) -> ast.stmt:
        """`self.sum.assign_add(x)` of a metric as `self.sum += x`."""
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not self.is_metric or not isinstance(call, ast.Call) or len(call.args) != 1:
            return statement
        func = call.func
        if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
            return statement
        if not func.value.id.startswith("self."):
            return statement
        target = placed(ast.Name(func.value.id, ast.Store()), func.value)
        if func.attr in _ASSIGNED:
            return placed(ast.AugAssign(target, _ASSIGNED[func.attr](), call.args[0]), statement)
        if func.attr == "assign":
            return placed(ast.Assign([target], call.args[0]), statement)
        return statement

    def rewritten(self, node: T, name: str | None) -> T:
        return _Rewriting(self, name).visit(node)


class _Rewriting(ast.NodeTransformer):
    """Writes `self.gain` as one name, and `super().call` as the loss of Keras."""

    def __init__(
        self, owner: _Class, name: str | None, named: Collection[str] = frozenset()
    ) -> None:
        self.owner = owner
        self.name = name
        self.named = named  # attributes that stand there without `self`

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = node.value
        if is_super(value):
            if self.owner.base is not None and node.attr in ("call", _CALLED):
                return placed(ast.Name("self.super.call", node.ctx), node)
            raise self.owner.error(
                node,
                f"super().{node.attr} is not part of the language",
                "write here what it computes",
            )
        of_class = isinstance(value, ast.Name) and value.id == self.owner.node.name
        if isinstance(value, ast.Name) and (value.id == self.name or of_class):
            return self.attribute(node)
        return ast.NodeTransformer.generic_visit(self, node)  # type: ignore[return-value]

    def attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr not in self.owner.known and node.attr.strip("_") == node.attr:
            raise self.owner.error(
                node,
                f"nothing sets {quote(self.owner.tree.fragment(node))}",
                "paste the class with its __init__, or write a number in its place",
            )
        made: ast.expr = placed(ast.Name(f"self.{node.attr}", node.ctx), node)
        if node.attr in self.owner.properties:
            made = placed(ast.Call(made, [], []), node)
        return made

    def visit_Call(self, node: ast.Call) -> ast.expr:
        func = node.func
        if self.owner.is_metric and isinstance(func, ast.Attribute) and func.attr in VARIABLES:
            word = next((k.value for k in node.keywords if k.arg == "initializer"), None)
            zero = word is None or (isinstance(word, ast.Constant) and word.value == "zeros")
            if not zero:
                raise self.owner.error(
                    node, "a sum of a metric begins at 0", "write initializer='zeros'"
                )
            return placed(ast.Constant(0.0), node)
        return ast.NodeTransformer.generic_visit(self, node)  # type: ignore[return-value]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self.name:
            raise self.owner.error(
                node, f"{quote(node.id)} is not a value here", "use its attributes and methods"
            )
        if node.id in self.named:
            return placed(ast.Name(f"self.{node.id}", node.ctx), node)
        return node


class _Instances(ast.NodeTransformer):
    """Outside the classes: `Weighted(0.5).loss` is the loss that `Weighted(0.5)` is."""

    def __init__(self, mains: dict[str, str]) -> None:
        self.mains = mains

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        made = ast.NodeTransformer.generic_visit(self, node)
        call = node.value
        maker = call.func if isinstance(call, ast.Call) else None
        if isinstance(maker, ast.Name) and self.mains.get(maker.id) == node.attr:
            return call
        return made  # type: ignore[return-value]
