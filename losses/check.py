"""What an editor asks at every keystroke: a plain report on a text, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .language import canonical
from .language.errors import LossError
from .language.inputs import Provided
from .language.latex import latex
from .language.program import analyse


def check(
    text: str,
    values: Mapping[str, float] | None = None,
    /,
    *,
    numeric: bool = True,
    metric: bool = False,
    num_classes: int = 10,
    inputs: Provided | None = None,
    **parameters: float,
) -> dict[str, Any]:
    """A JSON-able report on a loss text; parameters as `compile_loss` takes them. With `metric`,
    on a metric's text, as `compile_metric` takes it; with `inputs`, of a run that has those.

    Keys: ok, error (None or message, hint, fix and place), warnings, notes, parameters, latex,
    terms, inputs, canonical, digest, probe. With `numeric=False` nothing is computed and `probe` is
    None.
    """
    report: dict[str, Any] = {
        "ok": False,
        "error": None,
        "warnings": [],
        "notes": [],
        "parameters": [],
        "latex": None,
        "terms": [],
        "inputs": [],
        "canonical": None,
        "digest": None,
        "probe": None,
    }
    given = {**(values or {}), **parameters}
    try:
        if numeric:
            from .language.probe import probe_loss
            from .language.probe_metric import probe_metric
            from .written import WrittenLoss

            loss = WrittenLoss(text, given, num_classes=num_classes, metric=metric, provided=inputs)
            report["probe"] = probe_metric(loss) if metric else probe_loss(loss)
            program = loss.program
        else:
            program = analyse(text, given, num_classes=num_classes, metric=metric, inputs=inputs)
    except LossError as error:
        report["error"] = error.as_dict()
        return report
    report.update(
        ok=True,
        warnings=[w.as_dict() for w in program.warnings],
        notes=[n.as_dict() for n in program.notes],
        parameters=[p.as_dict() for p in program.parameters.values()],
        latex=latex(program),
        terms=[{"text": p.text, "sign": p.sign, **p.span.as_dict()} for p in program.parts],
        inputs=list(program.inputs),
        canonical=canonical.text(program),
        digest=canonical.digest(program),
    )
    return report
