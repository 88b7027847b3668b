"""Settings that show a phenomenon every time, found by trying over five seeds: the three
nets of the page Fitting and its six lessons, each a link that opens the page in that state."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts import draft, rerun, session
from playground.spec import RunSpec
from playground.tasks.classification import ClassificationSpec

# Digits come with scikit-learn, so these work on any machine, and a run takes seconds.
_SHARED: dict[str, Any] = {
    "dataset": "digits",
    "train_images": 800,
    "validation_images": 500,
    "label_noise": 0.4,
    "depth": 2,
    "epochs": 24,
    "schedule": "cosine",
    "learning_rate": 5e-3,
    "evaluations": 1,
    "watch_fit": True,
}
TRIO: dict[str, ClassificationSpec] = {
    "Too small": ClassificationSpec(**_SHARED, width=2, embedding=2),
    "About right": ClassificationSpec(**_SHARED, width=8, embedding=16),
    "Too large": ClassificationSpec(**_SHARED, width=32, embedding=128),
}


@dataclass(frozen=True)
class Lesson:
    """What to press, what to watch, what it means; `changes` are made to the large net."""

    title: str
    press: str
    watch: str
    means: str
    spec: RunSpec


def _changed(name: str, **changes: Any) -> RunSpec:
    return RunSpec(**{**TRIO[name].model_dump(), **changes})


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "Too small",
        "Train. Then set Width to 8 and Embedding size to 32, and train again.",
        "Solid and dashed accuracy stop far below 100%, side by side: there is hardly a gap.",
        "Underfitting. The net cannot learn even the images it trains on. No amount of further "
        "data helps; a larger net does.",
        _changed("Too small", label_noise=0.0),
    ),
    Lesson(
        "Too few images",
        "Train. Then raise Images to 900 and train again.",
        "Training accuracy goes to 100%, validation stays behind, and the gap lies well above its "
        "band.",
        "Overfitting. What the net has learned holds for its own images more than for others. "
        "With more images the same net has less room for that.",
        _changed("Too large", label_noise=0.0, train_images=50, epochs=60, schedule="constant"),
    ),
    Lesson(
        "By heart",
        "Train, and watch the chart of images with a wrong label.",
        "First the dotted line rises: it says the right label although it was told a wrong one. "
        "Then the solid line takes over, and validation accuracy falls.",
        "Patterns are learned before exceptions. From where the lines part, it memorises noise.",
        TRIO["Too large"],
    ),
    Lesson(
        "Stop in time",
        "Train. Early stopping is on, with a patience of 5 epochs.",
        "The run ends soon after the star, the best epoch; the accuracies above, validation and "
        "test, are those of its weights.",
        "Validation loss tells when to stop: the same net as in lesson 3, with fewer of the wrong "
        "labels learned and better answers.",
        _changed("Too large", patience=5),
    ),
    Lesson(
        "Too modest",
        "Train, and watch the reliability diagram. Then set Label noise to 0 and train again.",
        "The bars stand far above the diagonal: it is right much more often than it says. Without "
        "noise they come down to it.",
        "Four of ten labels it saw were wrong, so it learned to be only 60% sure. Accuracy says "
        "nothing of that; calibration error, Brier score and NLL do.",
        TRIO["About right"],
    ),
    Lesson(
        "Raw pixels",
        "Train. Then set Normalisation to Per pixel and train again.",
        "Nothing is learned, or the run breaks; normalised, the same net is right for nine of ten.",
        "Pixels of 0 to 255 make the first steps hundreds of times too long: all units end where "
        "no gradient passes. Nothing is wrong with the loss or the network.",
        _changed(
            "About right",
            label_noise=0.0,
            normalise="raw",
            optimizer="sgd",
            learning_rate=0.05,
            epochs=12,
        ),
    ),
)


def _open(number: int) -> None:
    """Puts the page into a lesson's state, which its address then says."""
    rerun.ask()
    draft.take(LESSONS[number - 1].spec)
    session.LESSON.set(number)
    session.RUN.set("")
    session.COMPARE.set([])


def lessons(chosen: int) -> None:
    """A button for each, and the chosen lesson in words (1 for the first; 0: none)."""
    with st.container(horizontal=True, gap="small", key="lessons", vertical_alignment="center"):
        st.caption("Six lessons", width="content")
        for number, lesson in enumerate(LESSONS, start=1):
            st.button(
                f"{number} {lesson.title}",
                key=f"open-lesson-{number}",
                icon=":material/play_lesson:" if number == chosen else None,
                on_click=_open,
                args=(number,),
            )
    if chosen:
        lesson = LESSONS[chosen - 1]
        with st.container(key="lesson-words", border=True, gap="xsmall"):
            for what, words in (
                ("Press", lesson.press),
                ("Watch", lesson.watch),
                ("It means", lesson.means),
            ):
                st.markdown(f"**{what}.** {words}")
