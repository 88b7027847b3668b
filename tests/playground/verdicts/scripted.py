"""Curves whose verdict is known, as a run would have recorded them, with the noise of sampling."""

from collections.abc import Callable
from typing import Any

import numpy as np

from playground.verdicts.fit import Curves

EPOCHS, IMAGES = 30, 500
Story = Callable[[np.random.Generator], Curves]
STORIES: dict[str, tuple[str, Story]] = {}  # name -> the verdict it deserves, and its curves


def story(kind: str) -> Callable[[Story], Story]:
    def enter(function: Story) -> Story:
        STORIES[function.__name__] = (kind, function)
        return function

    return enter


def falling(start: float, end: float, pace: float = 4.0, epochs: int = EPOCHS) -> np.ndarray:
    """From `start` to `end` at the pace of so many epochs."""
    return end + (start - end) * np.exp(-np.arange(1, epochs + 1) / pace)


def rising_from(curve: np.ndarray, epoch: int, to: float) -> np.ndarray:
    """The curve, and from an epoch on a line to a last value."""
    rest = np.arange(epoch, len(curve))
    line = np.interp(rest, [epoch, len(curve) - 1], [curve[epoch], to])
    return np.concatenate([curve[:epoch], line])


def recorded(
    draw: np.random.Generator,
    train: tuple[np.ndarray, np.ndarray],
    held: tuple[np.ndarray, np.ndarray],
    images: int = IMAGES,
    shared: float = 0.7,
    **more: Any,
) -> Curves:
    """NLL and accuracy of training and of validation images, each as its expectation, measured on
    so many images. They are the same ones at every epoch, so that most of the error is `shared`."""

    def measured(nll: np.ndarray, accuracy: np.ndarray, count: int) -> list[np.ndarray]:
        accuracy = np.clip(accuracy, 0.0, 1.0)
        out = []
        for curve, spread in ((nll, nll), (accuracy, np.sqrt(accuracy * (1 - accuracy)))):
            same, own = draw.normal(), draw.normal(size=len(curve))
            error = spread / np.sqrt(count)
            out.append(curve + error * (np.sqrt(shared) * same + np.sqrt(1 - shared) * own / 2))
        out[1] = np.round(np.clip(out[1], 0, 1) * count) / count
        return [*out, nll / np.sqrt(count)]

    train_nll, train_accuracy, train_error = measured(*train, 1000)
    nll, accuracy, error = measured(*held, images)
    return Curves(
        epochs=np.arange(1.0, len(nll) + 1),
        train_nll=train_nll,
        train_accuracy=train_accuracy,
        validation_nll=nll,
        validation_accuracy=accuracy,
        train_images=1000,
        validation_images=images,
        validation_nll_error=error,
        train_nll_error=train_error,
        **{"spec": {"learning_rate": 0.01, "width": 8}, **more},
    )


@story("underfitting")
def too_small(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 1.3), falling(0.1, 0.55)
    return recorded(draw, train, (train[0] + 0.02, train[1] - 0.01))


@story("underfitting")
def stopped_too_soon(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 0.2, 15, 10), falling(0.1, 0.95, 15, 10)
    return recorded(draw, train, (train[0] + 0.02, train[1] - 0.01))


@story("fitting")
def about_right(draw: np.random.Generator) -> Curves:
    return recorded(
        draw, (falling(2.3, 0.13), falling(0.1, 0.96)), (falling(2.3, 0.19), falling(0.1, 0.94))
    )


@story("fitting")
def a_gap_within_its_error(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 0.2), falling(0.1, 0.94)
    return recorded(draw, train, (train[0] + 0.06, train[1] - 0.025), images=120)


@story("fitting")
def an_unlucky_split(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 0.12, 2), falling(0.1, 0.965, 2)
    return recorded(draw, train, (train[0] + 0.12, train[1] - 0.055))


@story("fitting")
def dropout_makes_training_look_worse(draw: np.random.Generator) -> Curves:
    return recorded(
        draw,
        (falling(2.3, 0.55), falling(0.1, 0.8)),
        (falling(2.3, 0.2), falling(0.1, 0.94)),
        noisy_train=True,
        spec={"dropout": 0.5, "learning_rate": 0.01},
    )


@story("overfitting")
def held_out_gets_worse(draw: np.random.Generator) -> Curves:
    return recorded(
        draw,
        (falling(2.3, 0.01), falling(0.1, 1.0)),
        (
            rising_from(falling(2.3, 0.5, 3), 9, 1.0),
            rising_from(falling(0.1, 0.87, 3), 9, 0.79),
        ),
    )


@story("overfitting")
def only_training_goes_on(draw: np.random.Generator) -> Curves:
    return recorded(
        draw,
        (falling(2.3, 0.005), falling(0.1, 1.0)),
        (rising_from(falling(2.3, 0.55, 3), 8, 0.95), falling(0.1, 0.83, 3)),
    )


@story("overfitting")
def too_few_images(draw: np.random.Generator) -> Curves:
    return recorded(
        draw,
        (falling(2.3, 0.002, 3), falling(0.1, 1.0, 3)),
        (falling(2.3, 0.5, 3), falling(0.1, 0.85, 3)),
    )


@story("overconfident")
def miscalibrated(draw: np.random.Generator) -> Curves:
    return recorded(
        draw,
        (falling(2.3, 0.005, 3), falling(0.1, 0.998, 3)),
        (rising_from(falling(2.3, 0.1, 2), 8, 0.24), falling(0.1, 0.965, 3)),
        validation_ece=rising_from(falling(0.3, 0.01, 2), 8, 0.03),
    )


@story("memorising")
def by_heart(draw: np.random.Generator) -> Curves:
    learned = np.clip((np.arange(1, EPOCHS + 1) - 10) / 15, 0.04, 0.9)
    return recorded(
        draw,
        (falling(1.9, 0.2, 8), falling(0.1, 0.97, 8)),
        (rising_from(falling(2.3, 0.5, 3), 10, 0.9), rising_from(falling(0.1, 0.87, 3), 10, 0.76)),
        clean_nll=falling(2.3, 0.1),
        clean_accuracy=falling(0.1, 0.98),
        given=learned,
        true=0.9 - learned,
        wrong_images=200,
    )


@story("fitting")
def noise_that_is_ignored(draw: np.random.Generator) -> Curves:
    return recorded(
        draw,
        (falling(2.3, 0.75), falling(0.1, 0.76)),
        (falling(2.3, 0.35), falling(0.1, 0.93)),
        clean_nll=falling(2.3, 0.35),
        clean_accuracy=falling(0.1, 0.945),
        given=np.full(EPOCHS, 0.02),
        true=falling(0.1, 0.92),
        wrong_images=200,
    )


@story("diverging")
def loss_climbs(draw: np.random.Generator) -> Curves:
    train = rising_from(falling(2.3, 0.5), 12, 3.0), rising_from(falling(0.1, 0.85), 12, 0.3)
    return recorded(draw, train, (train[0] + 0.05, train[1] - 0.02))


@story("diverging")
def no_number(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 0.5, epochs=3), falling(0.1, 0.85, epochs=3)
    return recorded(draw, train, train, failure={"message": "", "hint": "", "where": None})


@story("plateau")
def a_learning_rate_too_high(draw: np.random.Generator) -> Curves:
    jumps = draw.choice([-0.4, 0.5], EPOCHS)
    nll, accuracy = falling(2.3, 1.2, 2) + jumps, falling(0.1, 0.6, 2) - jumps / 5
    return recorded(draw, (nll, accuracy), (nll + 0.05, accuracy - 0.01))


@story("plateau")
def nothing_learned(draw: np.random.Generator) -> Curves:
    flat = np.full(EPOCHS, 2.3), np.full(EPOCHS, 0.1)
    return recorded(draw, flat, flat)


@story("plateau")
def long_at_a_standstill(draw: np.random.Generator) -> Curves:
    return recorded(
        draw, (falling(2.3, 0.3, 2), falling(0.1, 0.9, 2)), (falling(2.3, 0.34, 2),
        falling(0.1, 0.885, 2))
    )  # fmt: skip


@story("early")
def two_epochs(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 0.2, epochs=2), falling(0.1, 0.94, epochs=2)
    return recorded(draw, train, train)


@story("early")
def twelve_held_out(draw: np.random.Generator) -> Curves:
    train = falling(2.3, 0.1), falling(0.1, 0.97)
    return recorded(draw, train, (falling(2.3, 0.5), falling(0.1, 0.85)), images=12)
