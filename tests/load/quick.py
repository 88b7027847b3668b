"""`python -m tests.load.quick run app.py`: as `streamlit run app.py`, but training needs no
TensorFlow (`tests/playground/runs/quick_worker.py`), so that the server alone is measured."""

import functools
import sys

from streamlit.web.cli import main

from playground.runs import supervisor

QUICK = (sys.executable, "-m", "tests.playground.runs.quick_worker")

if __name__ == "__main__":
    supervisor.Supervisor = functools.partial(  # type: ignore[assignment, misc]
        supervisor.Supervisor, worker_command=QUICK
    )
    main()
