"""About a minute of made-up texts. PLAYGROUND_FUZZ_SECONDS, or fuzz.py itself, makes it longer."""

import os
import random
import time

import fuzz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import losses

SECONDS = float(os.environ.get("PLAYGROUND_FUZZ_SECONDS", "20"))
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=400, deadline=None, suppress_health_check=SLOW)
@given(st.randoms(use_true_random=False))
def test_texts_of_the_grammar(rng):
    fuzz.examine(fuzz.Writer(rng).text())


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(st.randoms(use_true_random=False))
def test_mutations_of_known_texts(rng):
    fuzz.examine(fuzz.mutated(rng))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_characters(text):
    fuzz.examine(text)


def test_for_a_while_and_nothing_else_happens():
    losses.check("mean(abs(y_true - y_pred))")  # everything is imported now
    rng, watch, found = random.Random(time.time_ns()), fuzz.Watch(), []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found.append(fuzz.examine(fuzz.any_text(rng), watch, numeric=len(found) % 40 == 0))
    assert len(found) > 100
    assert {"loss", "error"} == set(found)
