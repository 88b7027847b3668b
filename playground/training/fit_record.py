"""What is recorded so that one can see how well a run fits: a sample of the training images with
dropout off, what guessing would give, and how honest its confidence is."""

import math

import numpy as np

from playground.datasets import Split
from playground.streams import stream

SAMPLE = 1024  # training images that are measured, the same at every evaluation
BINS = 15  # of the reliability diagram: those of the expected calibration error


def training_sample(split: Split, seed: int) -> np.ndarray:
    """The indices of the training images that are measured, int64, at most SAMPLE, ascending."""
    draw = stream(seed, "training sample")
    return np.sort(draw.permutation(len(split.train_images))[:SAMPLE])


def memorised(probabilities: np.ndarray, given: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Under label noise, accuracy and NLL of training images (N, C) whose label is right (clean_),
    and of those whose label is wrong against the label given (given_) and the right one (true_):
    the curves of Arpit et al., "A closer look at memorization", ICML 2017."""
    wrong = given != true
    found = {}
    for name, chosen, labels in (
        ("clean", ~wrong, given),
        ("given", wrong, given),
        ("true", wrong, true),
    ):
        if chosen.any():
            rows, given = probabilities[chosen], labels[chosen]
            found[f"{name}_accuracy"] = float(np.mean(rows.argmax(axis=1) == given))
            found[f"{name}_nll"] = float(np.mean(surprise(rows, given)))
    return found


def surprise(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log p of the label, (N,) in nats; p kept above 1e-7 as the metric does."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(of_label, 1e-7, 1.0))


def nll_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The standard error of the mean negative log-likelihood."""
    values = surprise(probabilities, labels)
    return float(values.std() / math.sqrt(len(values)))


def reliability(probabilities: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Float32 (3, BINS) over bins of the highest probability ((m-1)/M, m/M]: how many images, the
    sum of their confidence, how many of them were right (Guo et al., ICML 2017)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    known = np.nan_to_num(confidence)  # of a network that broke: the first bin, and no sum
    place = np.clip(np.ceil(known * BINS).astype(int) - 1, 0, BINS - 1)
    rows = [np.bincount(place, each, minlength=BINS) for each in (None, confidence, right)]
    return np.array(rows, np.float32)


def baseline(split: Split, classes: int) -> dict[str, float]:
    """What guessing gives on the validation images: always the commonest training class (accuracy),
    or the training classes' shares as probabilities (nll; a class never seen counts as one)."""
    counts = np.bincount(split.train_labels, minlength=classes)
    shares = np.maximum(counts, 1) / np.maximum(counts, 1).sum()
    labels = split.validation_labels
    return {
        "accuracy": float(np.mean(labels == counts.argmax())),
        "nll": float(np.mean(-np.log(shares[labels]))),
    }
