"""What looks wrong in a loss that is right as far as the language goes."""

from __future__ import annotations

from .build import Builder
from .errors import LossError
from .graph import BATCHES, Node, Program, topological
from .inputs import learns
from .ranges import Range, ranges
from .sizes import elements

STEPS = ("floor", "ceil", "round", "sign", "floordiv")
CUTS = ("argmax", "argmin", "argsort", "eq", "ne", "lt", "le", "gt", "ge", "stop_gradient",
        "cast_int", *STEPS)  # fmt: skip
# What turns logits into probabilities.
SQUASHING = ("softmax", "log_softmax", "sigmoid", "log_sigmoid")
# Along the batch these mix the samples; along the classes they are meant.
ALONG = (*SQUASHING, "cumsum", "cumprod", "argmax", "argmin", "logsumexp")
ALMOST_ONE = 1.01  # the end of what still are probabilities, such as y_pred + epsilon()
NOTHING = 1e-7  # a factor of the whole loss that leaves nothing to learn from
USUAL_BATCHES = (8, 16, 20, 32, 50, 64, 100, 128, 200, 256, 500, 512, 1000, 1024, 2048, 4096)


def review(program: Program, b: Builder) -> None:
    """Add warnings that can be read off the graph. Raises LossError for whole numbers that are
    divided by what may be 0: floats give inf then, but whole numbers end the run."""
    order = program.order
    depends, known = prediction_nodes(order), ranges(order, b.parameters)
    for node in order:
        if node.op in ("floordiv", "mod") and node.dtype == "int":
            low, high = known[id(node.args[1])]
            if low <= 0 <= high:
                raise LossError(
                    "this divides whole numbers by what may be 0",
                    node.span,
                    hint="cast them to float32 first, or keep the divisor away from 0 with maximum",
                )
    zeros = _zeros_of_target(order, known)
    _check_scale(program.result, b)
    for node in order:
        if node.op == "log" and id(node.args[0]) in zeros:
            b.warn(
                "log-of-target",
                "log(y_true) is -inf wherever the one-hot target is 0: are the arguments swapped?",
                "write log(y_pred)",
                node.span,
            )
        inside = node.args[0] if node.op == "log" else None
        if inside is not None and inside.op == "div" and id(inside.args[0]) in zeros:
            b.warn(
                "log-of-target",
                "this quotient is 0 wherever the one-hot target is, and its logarithm -inf",
                "write kl_divergence(), or clip y_true to [epsilon(), 1] first",
                node.span,
            )
        if node.op == "div" and id(node.args[1]) in zeros:
            b.warn(
                "divide-by-target",
                "this divides by y_true, which is 0 for every class but one",
                "add epsilon() to the denominator",
                node.span,
            )
        if node.op in STEPS and id(node.args[0]) in depends:
            b.warn(
                "no-gradient",
                f"{node.op} has a zero gradient: nothing is learnt through it",
                "leave it out of the loss",
                node.span,
            )
        if node.op in SQUASHING and id(node.args[0]) in depends:
            low, high = known[id(node.args[0])]
            if low >= 0 and high <= ALMOST_ONE:
                _warn_of_second(node, b)
    _check_gradient(program, b, depends)
    _check_batch_size(program, b)
    _check_axes(order, b)


def _check_scale(result: Node, b: Builder) -> None:
    """Warn of a loss whose every part is multiplied by next to nothing: so is its gradient."""
    scale, node = 1.0, result
    while node.op in ("mul", "div", "neg", "sum", "mean", "cast"):
        numbers = [a for a in node.args if a.is_const and not a.rank]
        others = [a for a in node.args if a not in numbers]
        if len(others) != 1 or (node.op == "div" and others[0] is not node.args[0]):
            break
        for each in numbers:
            value = abs(float(each.attrs["value"]))
            scale = scale * value if node.op == "mul" else scale / max(value, 1e-30)
        if numbers and scale < NOTHING:
            return b.warn(
                "scaled-to-nothing",
                f"this multiplies the whole loss, and its gradient, by {scale:.0e}: nothing is "
                "learnt at a usual learning rate",
                "leave the factor out",
                node.span,
            )
        node = others[0]


def _zeros_of_target(order: list[Node], known: dict[int, Range]) -> set[int]:
    """The ids of y_true and of what is computed, entry by entry, from it alone and can be 0."""
    alone: set[int] = set()
    for node in order:
        target = (
            node.op == "input"
            and node.attrs["name"] == "y_true"
            and node.attrs["of"].values == "probability"
        )
        kept = any(id(a) in alone and a.shapes == node.shapes for a in node.args)
        if target or (kept and all(id(a) in alone or a.static is not None for a in node.args)):
            alone.add(id(node))
    return {i for i in alone if known[i][0] <= 0 <= known[i][1]}


def is_probability(node: Node, b: Builder) -> bool:
    """Whether a tensor made of the prediction lies between 0 and 1 as it is, or almost."""
    low, high = b.bounds(node)
    return low >= 0 and high <= ALMOST_ONE and b.learns(node)


def _warn_of_second(node: Node, b: Builder) -> None:
    if any(w.code == "from-logits" for w in b.warnings):
        return
    name = "sigmoid" if "sigmoid" in node.op else "softmax"
    b.warn(
        "softmax-twice",
        f"this already holds probabilities: a second {name} flattens them and weakens the gradient",
        "use the probabilities themselves, or the input named logits",
        node.span,
    )


def _check_gradient(program: Program, b: Builder, depends: set[int]) -> None:
    """Steps, comparisons and indices between the loss, or one of its terms, and the prediction."""
    live = gradient_nodes(program.order)
    if id(program.result) not in live:
        first = _cut(program.order, live)
        name = first.op if first is not None else "this"
        b.warn(
            "no-gradient-path",
            f"the gradient does not reach the prediction (it ends at {name}): nothing is learnt",
            "use a smooth step instead, such as sigmoid or the probability itself",
            first.span if first is not None else program.result.span,
        )
        return
    for part in program.parts:
        if id(part.node) in depends and id(part.node) not in live:
            first = _cut(topological(part.node), live)
            b.warn(
                "no-gradient",
                "the gradient does not pass through this term: it changes the value and teaches "
                "nothing",
                "use a smooth step instead, such as the probability itself",
                first.span if first is not None else part.span,
            )


def _cut(order: list[Node], live: set[int]) -> Node | None:
    """Where a gradient ends."""
    first = next((n for n in order if n.op in CUTS and id(n.args[0]) in live), None)
    return first or next((n for n in order if n.op == "cast" and id(n.args[0]) in live), None)


def _check_batch_size(program: Program, b: Builder) -> None:
    """A loss that grows with the batch: a sum over it, divided by nothing or by a fixed size."""
    grown = _growth(program.order)
    if grown[id(program.result)] < 1 or _sorts_the_batch(program.order):
        return
    for node in program.order:
        if node.op == "div" and grown[id(node.args[0])] >= 1 and _is_batch_size(node.args[1]):
            b.warn(
                "fixed-batch",
                "this divides by a fixed batch size, and batches differ in size",
                "use mean(...), or divide by shape(y_pred)[0]",
                node.span,
            )
            return
    sums = [n for n in program.order if n.op in ("sum", "matmul", "einsum") and _summed(n)]
    b.warn(
        "batch-sum",
        "this sums over the whole batch: the loss grows with the batch size",
        "use sum(..., axis=-1), one value a sample",
        sums[-1].span if sums else program.result.span,
    )


def _is_batch_size(node: Node) -> bool:
    while node.op == "cast":
        node = node.args[0]
    value = node.static[0] if node.static is not None and node.op in ("const", "parameter") else 0
    return value in USUAL_BATCHES


def _growth(order: list[Node]) -> dict[int, float]:
    """With what power of the batch size the value of each node grows, as far as sums tell."""
    found: dict[int, float] = {}
    for node in order:
        given = [found[id(a)] for a in node.args]
        power = max(given, default=0.0)
        if node.op in ("dim", "size"):
            power = _batches(*(int(n) for n in node.static or (1, 1)))
        elif node.op in ("mul", "xlogy", "matmul", "outer", "einsum"):
            power = sum(given)
        elif node.op == "div":
            power = given[0] - given[1]
        elif node.op in ("take", "take_along_axis"):
            power = given[0]  # not that of the places
        elif node.op == "reciprocal":
            power = -given[0]
        elif node.op == "square":
            power = 2 * given[0]
        elif node.op in ("sqrt", "pow"):
            exponent = 0.5 if node.op == "sqrt" else (node.args[1].static or (1, 1))[0]
            power = given[0] * exponent
        elif node.op in ("log", "exp", "named", *SQUASHING):
            power = 0.0
        elif node.dtype == "bool" and _is_of_pairs(node):
            power = -1.0  # a choice of pairs takes a few partners of each sample
        elif node.op == "where" and _is_of_pairs(node.args[0]):
            power = max(given[1:]) - 1
        found[id(node)] = power + _summed(node)
    return found


def _is_of_pairs(node: Node) -> bool:
    """Whether a tensor has an entry for every two samples."""
    return [_batches(*sizes) for sizes in zip(*node.shapes, strict=True)] == [1, 1]


def _summed(node: Node) -> int:
    """How many batch axes a node adds up."""
    if node.op == "sum":
        one, two = (
            elements(x) // max(elements(y), 1)
            for x, y in zip(node.args[0].shapes, node.shapes, strict=True)
        )
        return _batches(one, two)
    if node.op == "matmul":
        return _batches(*(shape[-1] for shape in node.args[0].shapes))
    if node.op == "einsum":
        given, _, kept = node.attrs["pattern"].partition("->")
        terms = given.split(",")
        total = 0
        for letter in set(given) - set(kept) - {","}:
            term = next(i for i, t in enumerate(terms) if letter in t)
            place = terms[term].index(letter)
            total += _batches(*(shape[place] for shape in node.args[term].shapes))
        return total
    return 0


def _batches(one: int, two: int) -> int:
    """How many times the batch size is a factor of a number seen at both batch sizes."""
    count = 0
    while one and two and one % BATCHES[0] == 0 and two % BATCHES[1] == 0:
        one, two, count = one // BATCHES[0], two // BATCHES[1], count + 1
    return count


def _check_axes(order: list[Node], b: Builder) -> None:
    """What runs over the batch and is meant for the classes."""
    if _sorts_the_batch(order):
        return
    for node in order:
        x = node.args[0] if node.args else None
        if node.op not in ALONG or node.attrs.get("axis") != 0 or x is None or x.rank < 2:
            continue
        if (x.shapes[0][0], x.shapes[1][0]) == BATCHES:
            b.warn(
                "softmax-batch" if node.op in SQUASHING else "batch-axis",
                f"this {node.op} runs over the batch (axis=0), not over the classes",
                "write axis=-1",
                node.span,
            )


def _sorts_the_batch(order: list[Node]) -> bool:
    """Whether sums over the samples, in their order, are meant."""
    return any(n.op in ("sort", "argsort") and n.attrs["axis"] == 0 for n in order)


def prediction_nodes(order: list[Node]) -> set[int]:
    """The ids of nodes whose value depends on the prediction."""
    found: set[int] = set()
    for node in order:
        if node.op == "input":
            if learns(node):
                found.add(id(node))
        elif node.op not in ("dim", "shape", "size", "full_like") and any(
            id(a) in found for a in node.args
        ):
            found.add(id(node))
    return found


def gradient_nodes(order: list[Node]) -> set[int]:
    """The ids of nodes through which a gradient reaches the prediction."""
    found: set[int] = set()
    for node in order:
        if node.op == "input":
            if learns(node):
                found.add(id(node))
            continue
        if node.op in CUTS or node.dtype != "float" or node.op in ("dim", "shape", "full_like"):
            continue
        sources = node.args[1:] if node.op == "where" else node.args
        if any(id(a) in found for a in sources):
            found.add(id(node))
    return found


def warn_of_swap(b: Builder, name: str, target: Node, output: Node) -> None:
    """The prediction where the target belongs, and the other way round."""
    first, second = (b.inputs_of(x) - {"num_classes"} for x in (target, output))
    learnt = {"y_pred", "logits"} | {n for n in b.own_inputs if b.inputs[n].learnt}
    given = {n for n, found in b.inputs.items() if found.is_label and not found.learnt}
    # a mask made of the target may be in both
    if first & learnt and first <= learnt | {"y_true", "labels"} and second and second <= given:
        b.warn(
            "swapped",
            f"the arguments of {name} are swapped: the target comes first",
            f"write {name}({', '.join(sorted(second))}, {', '.join(sorted(first))})"
            if second & b.own_inputs
            else f"write {name}(y_true, y_pred)",
        )
