"""What an evaluation records so that one can tell why a run does not train, whatever its loss.

Plain NumPy on answers that the evaluation has computed anyway: it costs milliseconds at most.
"""

import numpy as np

from playground.training import fit_record

NAMES = ("nll", "nll_error", "spread", "dead", "unanswered", "commonest")
SAME = 1e-6  # of the features' size: a unit that varies by less over the images says nothing
SAMPLE = 2048  # images whose features are measured: every so many of more


def signs(features: np.ndarray, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Of an evaluation's features (N, D), probabilities (N, C) and labels (N,):

    `nll`, the mean negative log-likelihood in nats, and `nll_error`, its standard error: what the
    run's own loss, which may be anything, cannot stand for. `spread`, how far the features lie from
    their mean, root mean square, as a share of their own size: 0 where all fall on one point, at
    most 1. `dead`, the share of features that are the same for every image. `unanswered`, how many
    of the classes there are among these images that are never the answer; `commonest`, the share of
    images that get the answer that is given most often. NaN where the network is no number."""
    predicted = probabilities.argmax(axis=1)
    counts = np.bincount(predicted, minlength=probabilities.shape[1])
    present = np.bincount(labels, minlength=probabilities.shape[1]) > 0
    return {
        "nll": float(fit_record.surprise(probabilities, labels).mean()),
        "nll_error": fit_record.nll_error(probabilities, labels),
        **_of_features(features),
        "unanswered": float(np.sum(present & (counts == 0))),
        "commonest": float(counts.max() / max(1, len(labels))),
    }


def _of_features(features: np.ndarray) -> dict[str, float]:
    x = np.asarray(features[:: max(1, len(features) // SAMPLE)], np.float64)
    if not np.isfinite(x).all():
        return {"spread": float("nan"), "dead": float("nan")}
    size = float(np.sqrt(np.square(x).sum(axis=1).mean()))
    deviation = x.std(axis=0)
    spread = float(np.sqrt(np.square(deviation).sum())) / size if size > 0 else 0.0
    return {"spread": spread, "dead": float(np.mean(deviation <= SAME * size))}
