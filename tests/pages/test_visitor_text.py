"""What a visitor typed, or a link brought, is never read as Markdown on any page."""

from urllib.parse import quote

import pytest

from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Failed
from tests.pages.conftest import Visit
from tests.pages.test_playground import begun

MARK = "[free](//e.x)"
LOSS = f"# {MARK}\n-log(p_true)"
WRONG = f"# {MARK}\n-log(p_tru)"
PAGES = (
    "",
    "feature_maps.py",
    "embedding.py",
    "fitting.py",
    "named_losses.py",
    "multi_task.py",
    "autoencoder.py",
    "runs.py",
)


@pytest.mark.parametrize("at", PAGES)
@pytest.mark.parametrize("text", [LOSS, WRONG])
def test_no_page_reads_it_as_markdown(visit: Visit, warm: Supervisor, at: str, text: str) -> None:
    runs = [begun(warm, RunSpec(dataset="digits", loss=text, seed=seed)) for seed in (0, 1)]
    warm.store.labels.name(runs[0], ["me"], MARK)
    warm.store.labels.note(runs[0], ["me"], MARK)
    where = {"line": 2, "column": 1, "end_line": 2, "end_column": 5, "fragment": MARK}
    warm.store.record(runs[1], Failed(3, "loss", MARK, MARK, where))
    query = f"dataset=digits&loss={quote(text)}&metrics={quote(text)}&run={runs[0]}"
    page = visit(f"{query}&compare={runs[1]}&layer={quote(MARK)}&sweep={quote(MARK)}", at=at)
    read = [each.value for each in [*page.caption, *page.markdown, *page.subheader]]
    read += [f"{each.label} {each.proto.help}" for each in page.button]
    assert read and not [words for words in read if MARK in words]
