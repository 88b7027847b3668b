"""What the page shows of a loss before anyone trains on it. Needs TensorFlow: a worker's work."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import losses
from losses.curve import curve as loss_curve

Curve = dict[str, list[float | None]]


def preview(text: str, parameters: Mapping[str, float]) -> dict[str, Any]:
    """`losses.check`'s report on a text, or on the loss whose name it is, and two curves.

    `curve` and `ghost` (cross-entropy) have lists `p`, `loss` and `gradient` (dL/dz of the true
    class' logit) over the probability of the true class; `curve` is None, and `no_curve` says why,
    where the loss is no function of it.
    """
    name = text.strip()
    known = {info.name: info for info in losses.catalog()}
    if name in known:
        report = {**known[name].as_dict(), "ok": True, "error": None, "warnings": [], "notes": []}
    else:
        report = losses.check(text, **parameters)
        report.pop("probe")
    report |= {"curve": None, "no_curve": "", "ghost": _ghost()}
    if report["ok"]:
        try:
            loss = (
                losses.get(name, **parameters)
                if name in known
                else losses.WrittenLoss(text, parameters)
            )
            report["curve"], report["no_curve"] = _curve(loss)
        except losses.LossError as error:
            report |= {"ok": False, "error": error.as_dict()}
    return report


def _curve(loss: Any) -> tuple[Curve | None, str]:
    found = loss_curve(loss)
    if found["reason"]:
        return None, found["reason"].removeprefix("no curve of the probability: ")
    return {"p": found["p"], "loss": found["loss"], "gradient": found["slope"]}, ""


@cache
def _ghost() -> Curve | None:
    return _curve(losses.get("categorical_crossentropy"))[0]
