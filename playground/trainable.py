"""Whether a run can be trained with a loss: one rule for page, link, command line and `train`.

A loss that names what the run does not have is refused. One that trains the features and never the
last layer, whose answers stay at chance, is remarked on, with a text that mends it; so is one that
leaves a head of several without a term.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from playground.spec import DEFAULT_TASK, RunSpec
from playground.tasks import TASKS
from playground.tasks.inputs import pair
from playground.verdicts.words import listed

# What the last layer is trained through: its outputs, or its kernel itself.
LAST_LAYER = frozenset({"y_pred", "p_true", "logits", "last_kernel"})
# What only the layers before it are trained through.
EMBEDDING = frozenset({"features", "partner_features", "negative_features"})
FEATURES_ONLY = "features-only"  # the code of that remark
HEADLESS = "head-untrained"  # and of one on heads without a term
NO_GRADIENT = "no gradient reaches the last layer"
# The inputs that a hint names first.
_KNOWN = ("y_true", "y_pred", "logits", "labels", "features", "centers")


@dataclass(frozen=True)
class Remark:
    """What is to be known before training, and what to do; `fix` is a text of the loss that does
    it, or None."""

    message: str
    hint: str
    fix: str | None = None


def refusal(
    inputs: Collection[str],
    provided: Collection[str],
    what: str = "loss",
    task: str = DEFAULT_TASK,
) -> Remark | None:
    """Why a run of a task that provides some inputs cannot have a loss or, of `what` "metric", a
    metric that takes these; None if it can. An input that other tasks have is said to come with
    them."""
    why = _lacking(inputs, provided, task)
    if not why:
        return None
    own = provided.items() if isinstance(provided, Mapping) else ()
    offered = [name for name in _KNOWN if name in provided]
    offered += [name for name, each in own if each is not None and each.role != "context"]
    offered = offered or sorted(provided)
    first = f"{', '.join(offered[:-1])} or " if offered[1:] else ""
    return Remark(f"this {what} {why}", f"Choose a {what} of {first}{offered[-1]}.")


def untrainable(catalog: Iterable[Mapping[str, Any]], task: str) -> dict[str, str]:
    """The named losses (`LossInfo.as_dict`) that a task cannot train, by name, and why not: "needs
    teacher_logits, which ..."."""
    found = {}
    for info in catalog:
        why = _lacking(info["inputs"], TASKS[task].inputs, task)
        own = pair(TASKS[task].inputs)
        if why and own and set(info["inputs"]) == {"y_true", "y_pred"}:
            why += f"; a text can give it tensors, as in {info['name']}({', '.join(own)})"
        found[info["name"]] = why
    return {name: why for name, why in found.items() if why}


def _lacking(inputs: Collection[str], provided: Collection[str], task: str) -> str:
    """What of these inputs a run does not have, and where they are; nothing if it has all."""
    lacking = [name for name in inputs if name not in provided]
    if not lacking:
        return ""
    title = TASKS[task].title
    theirs = [each.title for each in TASKS.values() if set(lacking) <= set(each.inputs)]
    why = ": there is no teacher to learn from" if "teacher_logits" in lacking else ""
    comes = f", which comes with {' and '.join(theirs)}; this run is {title}"
    lacks = f", which a run of {title} does not have{why}"
    return f"needs {', '.join(lacking)}{comes if theirs else lacks}"


def offered(task: str, what: str = "loss") -> Any:
    """The inputs of a task for the language (`losses.Provided`), which refuses another where it
    stands."""
    import losses

    given = TASKS[task].inputs

    def refuse(name: str) -> tuple[str, str]:
        found = refusal([name], given, what, task)
        assert found is not None  # noqa: S101 - the language asks of others only
        return found.message, found.hint

    own = {n: None if each is None else losses.Input(**asdict(each)) for n, each in given.items()}
    elsewhere = {name for each in TASKS.values() for name in each.inputs} - set(given)
    return losses.Provided(own, refuse, TASKS[task].sizes, elsewhere, TASKS[task].others)


def remark(loss: Any) -> Remark | None:
    """That a loss trains the features only, if it does."""
    from losses.reach import TERM, reached, with_cross_entropy

    trained = reached(loss)
    if not trained or not set(trained) <= EMBEDDING:
        return None  # of a loss that trains nothing its own text says so
    if loss.provided is not None and "y_pred" not in loss.provided.inputs:
        return None  # a task whose answers come from elsewhere
    return Remark(
        f"{NO_GRADIENT}: the features are trained, and accuracy stays at chance",
        f"add {TERM}",
        with_cross_entropy(loss),
    )


def of_heads(loss: Any, spec: RunSpec) -> Remark | None:
    """That no term of a loss trains a head of the network of a spec, if none does."""
    from losses.reach import Added, reached, with_terms

    heads = TASKS[spec.task].heads(spec)
    trained = set(reached(loss)) if heads else set()
    without = [head for head in heads if not head.inputs & trained]
    if not without:
        return None
    names = listed([head.name for head in without])
    return Remark(
        f"no term of the loss trains the {names} head{'s' if without[1:] else ''}",
        f"add {listed([head.term for head in without])}",
        with_terms(
            loss,
            [Added(head.term, head.weight, head.line) for head in without],
            offered(spec.task),
        ),
    )


def advice(recorded: Mapping[str, Any]) -> str:
    """What to do about a run that learns nothing because its loss, as it was `recorded` when the
    run started, got that remark; "" of any other."""
    warned = any(str(each).startswith(NO_GRADIENT) for each in recorded.get("warnings", ()))
    # Of runs from before there were remarks their inputs tell.
    inputs = set(recorded.get("inputs", ()))
    known = inputs <= set(TASKS[DEFAULT_TASK].inputs)
    if warned or (known and inputs & EMBEDDING and LAST_LAYER.isdisjoint(inputs)):
        return f"{NO_GRADIENT.capitalize()}: add cross_entropy() to the loss."
    return ""
