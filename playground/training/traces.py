"""Traced graphs that the runs of one process share.

Tracing and optimising its graphs takes a small run a quarter of its time, and the next run of a
sweep or of a race often has the same ones: it differs in what they read from variables (weights,
statistics of the pixels, strength of L2) or take as arguments (rows, rates). Each run has variables
of its own, begun as ever; a graph is handed those of the run that calls it, so that runs that share
one share no number.

A graph that has captured anything that is not among a run's variables is not kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

KEPT = 4  # kinds of runs whose graphs are kept: the last ones


@dataclass(frozen=True)
class _Traced:
    """A concrete function, and which of a run's variables each of its captures is."""

    function: Any
    places: tuple[int, ...]


class Traces:
    """The graphs of the last `kept` kinds of runs; none are kept until somebody wants that."""

    def __init__(self) -> None:
        self._kept = 0
        self._known: OrderedDict[Hashable, dict[str, _Traced]] = OrderedDict()

    def keep(self, kinds: int = KEPT) -> None:
        """Keeps those of so many kinds of runs from now on; 0: none, and forgets them."""
        self._kept = kinds
        self._let_go()

    def of(self, key: Hashable | None, variables: Sequence[Any]) -> "Shared":
        """What a run takes its graphs from and leaves them in. Runs of one `key` must have the
        same graphs over their `variables`, in the same order; None shares nothing."""
        if key is None or not self._kept:
            return Shared({}, variables)
        graphs = self._known.setdefault(key, {})
        self._known.move_to_end(key)
        self._let_go()
        return Shared(graphs, variables)

    def _let_go(self) -> None:
        while len(self._known) > self._kept:
            self._known.popitem(last=False)


TRACES = Traces()  # of this process


class Shared:
    """The graphs of a kind of runs, for one of them."""

    def __init__(self, graphs: dict[str, _Traced], variables: Sequence[Any]) -> None:
        self._graphs = graphs
        self._handles = [each.handle for each in variables]

    def graph(self, name: str, trace: Callable[[], Any]) -> Callable[..., Any]:
        """The graph of this name over this run's variables, traced if it is the first."""
        found = self._graphs.get(name)
        if found is None:
            function = trace()
            place = {id(handle): at for at, handle in enumerate(self._handles)}
            places = tuple(place.get(id(each), -1) for each in function.captured_inputs)
            if -1 in places:
                return function
            found = self._graphs[name] = _Traced(function, places)
        captures = [self._handles[at] for at in found.places]
        function = found.function

        def call(*arguments: Any) -> Any:
            function.set_external_captures(captures)
            return function(*arguments)

        return call
