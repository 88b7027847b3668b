"""The worker's side of each question of `questions.QUESTIONS`: a function from the request, and a
control that says when to give up, to the answer. What needs TensorFlow is imported in them, so that
a worker that does not need it is small."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from playground.questions import LOOKS
from playground.settings import settings
from playground.training.control import Control

Request = dict[str, Any]
CLASSES = 10  # where nothing is said of a data set
FARTHEST = 4.0  # of the studio's picture: how far away a box may be


def check(request: Request, control: Control) -> dict[str, Any]:
    """What `losses.check` says of a text, or the same of a named loss as far as it has meaning; and
    what `trainable` says of a run with it: `refusal` and `remark`, each
    with message, hint and fix, or None."""
    import losses
    from playground import trainable
    from playground.spec import DEFAULT_TASK
    from playground.tasks import TASKS

    text, parameters = request["text"], request.get("parameters", {})
    task, classes = request.get("task", DEFAULT_TASK), request.get("classes", CLASSES)
    report: dict[str, Any]
    loss: losses.PlaygroundLoss | None = None
    if text.isidentifier():
        report = dict.fromkeys(("error", "latex", "canonical", "digest", "probe"))
        report |= {name: [] for name in ("warnings", "notes", "parameters", "terms", "inputs")}
        try:
            loss = losses.get(text, **parameters)
        except losses.LossError as error:
            report["error"] = error.as_dict()
        else:
            report["parameters"] = [each.as_dict() for each in loss.parameters.values()]
            report |= {"latex": loss.latex, "inputs": list(loss.inputs)}
        report["ok"] = loss is not None
    else:
        given = trainable.offered(task)
        report = losses.check(text, parameters, num_classes=classes, inputs=given)
        if report["ok"] and not trainable.EMBEDDING.isdisjoint(report["inputs"]):
            loss = losses.WrittenLoss(text, parameters, num_classes=classes, provided=given)
    refused = trainable.refusal(report["inputs"], TASKS[task].inputs, task=task)
    remark = trainable.remark(loss) if loss is not None and refused is None else None
    return {
        **report,
        "refusal": None if refused is None else asdict(refused),
        "remark": None if remark is None else asdict(remark),
    }


def doctor(request: Request, control: Control) -> dict[str, Any]:
    """What `losses.doctor` says of a loss that `check` has found sound; no findings on another, and
    {"interrupted": true} if the control said stop meanwhile."""
    import losses
    from losses.diagnosis import Interrupted
    from playground import trainable
    from playground.spec import DEFAULT_TASK

    text, parameters = request["text"], request.get("parameters", {})
    try:
        if text.isidentifier():
            loss: losses.PlaygroundLoss = losses.get(text, **parameters)
        else:
            offered = trainable.offered(request.get("task", DEFAULT_TASK))
            classes = request.get("classes", CLASSES)
            loss = losses.WrittenLoss(text, parameters, num_classes=classes, provided=offered)
    except losses.LossError:
        return {"findings": []}
    # Half of what an answer may take: of a slow loss those come that there was time for.
    seconds = settings().answer_seconds / 2
    try:
        return losses.doctor(loss, seconds=seconds, hurry=lambda: control.stopping).as_dict()
    except Interrupted:
        return {"interrupted": True}


def mutant(request: Request, control: Control) -> dict[str, Any]:
    """A sound mutation of a loss, named or written, with its digest, that is none of those "known";
    {} where none was found in time or the loss is none."""
    import losses
    from playground.races import mutation

    try:
        text = mutation.text_of(request["text"])
        found = mutation.mutant(text, request["seed"], frozenset(request["known"]))
    except losses.LossError:
        return {}
    return {} if found is None else {"text": found[0], "digest": found[1]}


def portrait(request: Request, control: Control) -> dict[str, Any]:
    """What `losses.portrait` says of a view of a loss, of the batch under "labels" and
    "probabilities" or else the reference; {"fault": message} of a text that is refused."""
    import losses
    from playground import trainable
    from playground.spec import DEFAULT_TASK

    given = request if "probabilities" in request else reference(request, control)
    batch = given["labels"], given["probabilities"]
    try:
        parameters = request.get("parameters", {})
        offered = trainable.offered(request.get("task", DEFAULT_TASK))
        classes = request.get("classes", CLASSES)
        return losses.portrait(
            request["text"], parameters, request["view"], batch, offered, classes
        )
    except losses.LossError as error:
        return {"fault": error.message}


def descents(request: Request, control: Control) -> dict[str, Any]:
    """What `losses.descents` says of the first two rows of "codes", a target and a box to begin
    with; {"fault": message} of a text that is no loss of boxes, or where these are no boxes."""
    import losses

    codes = request["codes"]
    if len(codes) != 2 or any(len(box) != 4 or box[0] > box[2] or box[1] > box[3] for box in codes):
        return {"fault": "expected a target and a box, x1, y1, x2, y2 each"}
    if any(abs(side) > FARTHEST for box in codes for side in box):
        return {"fault": f"expected boxes within {FARTHEST:g} of the picture"}
    try:
        return losses.descents(codes[0], codes[1], request.get("text", ""))
    except losses.LossError as error:
        return {"fault": f"{error.message}: {error.hint}" if error.hint else error.message}


def reference(request: Request, control: Control) -> dict[str, Any]:
    """The batch of a portrait without a run: images (N, H, W, C) uint8, labels (N,) and
    probabilities (N, 10)."""
    from playground.analysis import reference

    return reference.reference()


def catalog(request: Request, control: Control) -> list[dict[str, Any]]:
    """Every named loss, the fields of LossInfo."""
    import losses

    return [info.as_dict() for info in losses.catalog()]


def glossary(request: Request, control: Control) -> dict[str, Any]:
    """Every name that a loss of a task may have; see `losses.glossary`."""
    import losses
    from playground import trainable
    from playground.spec import DEFAULT_TASK

    return losses.glossary(trainable.offered(request.get("task", DEFAULT_TASK)))


def metric(request: Request, control: Control) -> dict[str, Any]:
    """What `losses.check` says of a metric's text; one that no run can measure has its error."""
    import losses
    from playground import trainable
    from playground.spec import DEFAULT_TASK

    offered = trainable.offered(request.get("task", DEFAULT_TASK), "metric")
    classes = request.get("classes", CLASSES)
    return losses.check(request["text"], metric=True, num_classes=classes, inputs=offered)


def metrics(request: Request, control: Control) -> list[dict[str, Any]]:
    """Every named metric, the fields of MetricInfo."""
    import losses

    return [info.as_dict() for info in losses.metrics()]


def sample(request: Request, control: Control) -> dict[str, Any]:
    """A few test images (N, H, W, C) uint8, labels (N,) and the classes' names, without a
    download."""
    from playground import datasets

    images, labels, class_names = datasets.sample(request["dataset"])
    return {"images": images, "labels": labels, "class_names": class_names}


def look(request: Request, control: Control) -> dict[str, Any]:
    """What a network does; the question's name says what is asked."""
    from playground import analysis

    return analysis.answer({**request, "what": request["do"]})


def project(request: Request, control: Control) -> dict[str, Any]:
    """Points and centres of an embedding laid out in the plane or in space."""
    from playground.analysis.projection import laid_out

    names = ("points", "centers", "method", "dims", "run")
    points, centers = laid_out(*(request[name] for name in names))
    return {"points": points, "centers": centers}


ANSWERS: dict[str, Callable[[Request, Control], Any]] = {
    "check": check,
    "metric": metric,
    "doctor": doctor,
    "mutant": mutant,
    "portrait": portrait,
    "descents": descents,
    "reference": reference,
    "catalog": catalog,
    "metrics": metrics,
    "glossary": glossary,
    "sample": sample,
    "project": project,
    **dict.fromkeys(LOOKS, look),
}
