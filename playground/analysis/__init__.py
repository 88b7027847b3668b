"""What a trained or training network does, from a snapshot of its weights: feature maps, their
gradients, what a prediction rests on, what a filter looks for, where the embedding puts images:
those need TensorFlow, which workers have. And what follows from recorded curves (`curves`), which
the server works out without."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from playground.errors import WorkerError

if TYPE_CHECKING:
    from playground.analysis.network import Network


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a question of the supervisor's `look`: a spec's JSON under "spec", a snapshot
    under "weights", its "step", and "what" is wanted, with that function's own arguments.

    Raises WorkerError for a question that makes no sense, DataError without the data.
    """
    from playground.analysis import attribution, embedding, latent, maps
    from playground.analysis.network import network

    if question["what"] == "file":
        return _file(question)
    per_epoch, step = int(question.get("steps_per_epoch", 0)), int(question["step"])
    subject = network(question["spec"], question["weights"], per_epoch, step)
    image = question.get("image", {"test": 0})
    layer, unit = str(question.get("layer", "")), int(question.get("unit", -1))
    split = str(question.get("split", "test"))
    match question["what"]:
        case "maps":
            return maps.maps(subject, image, bool(question.get("gradients")), layer, unit)
        case "kernel":
            return maps.kernel(subject, image, layer, unit)
        case "why":
            return attribution.why(subject, image, int(question.get("target", -1)))
        case "exemplars":
            return maps.exemplars(subject, layer, unit)
        case "browse":
            return maps.browse(subject)
        case "dead":
            return maps.dead(subject)
        case "match":
            other = question["other"]
            return maps.match(subject, _beside(subject, other), layer)
        case "embedding":
            method, dims = str(question.get("method", "pca")), int(question.get("dims", 2))
            project = bool(question.get("project", True))
            return embedding.embedding(subject, split, method, dims, project)
        case "neighbours":
            return embedding.neighbours(subject, split, unit)
        case "pictures":
            return embedding.pictures(subject, split, unit)
        case "reconstructions":
            return latent.reconstructions(subject)
        case "latent":
            return latent.latent(subject, int(question.get("target", -1)))
        case "decode":
            codes, walk = question.get("codes", ()), question.get("walk", ())
            return latent.decode(subject, codes, walk, int(question.get("target", -1)))
        case "encode":
            return latent.encode(subject, image, int(question.get("target", -1)))
        case "detect":
            from playground.analysis import detection

            return detection.detect(subject, question.get("codes", ()), image)
        case _:
            raise WorkerError("That cannot be looked at.", "Reload the page.")


def _file(question: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    from playground.analysis.files import network_file
    from playground.spec import RunSpec

    spec = RunSpec.from_json(question["spec"])
    content = network_file(str(question["form"]), spec, question["weights"])
    return {"file": np.frombuffer(content, np.uint8)}


def _beside(subject: "Network", other: Mapping[str, Any]) -> "Network":
    """A second network, in a model of its own even where both runs have one spec."""
    from playground.analysis.network import Network
    from playground.spec import RunSpec

    found = Network(RunSpec.from_json(other["spec"]))
    found.load(other["weights"])
    return found
