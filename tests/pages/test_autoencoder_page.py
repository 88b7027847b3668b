"""The page Autoencoder: its settings, a picture of one's own, and what is said of a collapse."""

import base64
import io
import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from playground.autoencoders import STARTS, TOO_LARGE
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import click, started


@pytest.fixture
def at_page(visit: Visit, supervisor: Supervisor):
    return partial(visit, at="autoencoder.py")


def view(page: AppTest, name: str) -> dict[str, Any]:
    """What the page gives its live view of this name."""
    found = [json.loads(each.proto.json or "{}") for each in page.get("bidi_component")]
    return next(each for each in found if each.get("view") == name)


def test_it_begins_with_what_is_chosen_and_offers_no_augmentation(at_page) -> None:
    page = at_page("task=autoencoder&dataset=digits")
    assert not any(each.label == "Augmentation" for each in page.expander)
    page.selectbox(key="autoencoder-start").set_value("discrepancy").run()
    click(page, "take-start")
    wanted = STARTS["discrepancy"].specs()[0]
    assert page.session_state["loss_text"] == wanted.loss
    assert page.session_state["spec.kind"] == wanted.kind == "plain"


def test_an_upload_goes_to_the_code_as_the_network_takes_it(at_page) -> None:
    page = at_page("task=autoencoder&dataset=digits")
    out = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(out, "PNG")
    page.file_uploader(key="upload").set_value(("mine.png", out.getvalue(), "image/png")).run()
    assert not page.exception, page.exception
    given = view(page, "latent")
    assert (given["side"], given["channels"], given["upload"]["name"]) == (8, 1, "mine.png")
    pixels = np.frombuffer(base64.b64decode(given["upload"]["pixels"]), np.uint8)
    assert pixels.shape == (64,) and (pixels == 55).all()  # white on black, as the digits are
    page.file_uploader(key="upload").set_value(("not.png", b"hello", "image/png")).run()
    assert "This is not a picture that can be read." in said(page)


def test_a_collapse_is_told_and_one_click_sets_what_mends_it(
    at_page, supervisor: Supervisor
) -> None:
    spec = RunSpec(task="autoencoder", dataset="digits", loss=TOO_LARGE)
    loss = {"terms": ["-sum(x)", "beta * divergence"], "latex": "", "text": TOO_LARGE}
    loss |= {"parameters": [{"name": "beta", "value": 100.0}], "warnings": [], "inputs": []}
    run_id = supervisor.store.create(spec, "me")
    supervisor.store.record(run_id, replace(started(), loss=loss))
    numbers = {"reconstruction": 206.0, "divergence": 0.001, "elbo": 206.0, "active": 0.0}
    for step in (400, 500, 600):
        metrics = {**numbers, "loss": 206.1, "term1": 206.0, "term2": 0.1}
        supervisor.store.record(run_id, Evaluated(step, step / 90, "validation", 10, True, metrics))
    supervisor.store.record(run_id, Finished(600, "completed", 9.0, {}))
    page = at_page(f"run={run_id}")
    assert "Posterior collapse" in said(page) and "weighed by beta, 100." in said(page)
    click(page, "next-step")
    assert "beta * minimum(progress / 0.5, 1.0) * divergence" in page.session_state["loss_text"]
