"""What is wrong with the fields of a spec, in words for visitors."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from playground.errors import SpecError
from playground.knobs import kind_of, shown

# The kinds of errors of our own validators, whose messages stand as they are.
_OURS = frozenset({"choice", "range", "empty", "length", "text", "name"})


def in_words(
    error: ValidationError, tasks: Mapping[str, Any], base: type[BaseModel]
) -> list[SpecError]:
    """pydantic's findings, one SpecError for each field: of the spec of one of the `tasks`, or of
    the `base` of them all."""
    specs = {task.Spec.__name__: task.Spec for task in tasks.values()}
    spec = specs.get(error.title, base)
    found: dict[str, SpecError] = {}
    for item in error.errors(include_url=False, include_context=False):
        # Of what only all fields together tell, the kind is the field that it is about.
        field = str(item["loc"][0]) if item["loc"] else item["type"]
        value = shown(item.get("input"))
        if not item["loc"] or item["type"] in _OURS:
            message = item["msg"]
        elif item["type"] == "extra_forbidden":
            message = others_knob(field, spec, tasks) or "no such field"
        elif item["type"] == "literal_error":
            message = f"expected one of {', '.join(tasks)}; got {value}"
        else:
            known = spec.model_fields.get(field)
            message = f"expected {kind_of(known) if known else 'a known field'}; got {value}"
        found.setdefault(field, SpecError(field, message))
    return list(found.values())


def others_knob(name: str, spec: type[BaseModel], tasks: Mapping[str, Any]) -> str:
    """What to say of a knob that this spec has not and another task's has; "" of any other."""
    if name in spec.model_fields:
        return ""
    theirs = [task.title for task in tasks.values() if name in task.Spec.model_fields]
    mine = [task.title for task in tasks.values() if task.Spec is spec]
    if not theirs or not mine:
        return ""
    return f"a setting of {' and '.join(theirs)}; this run is {mine[0]}"
