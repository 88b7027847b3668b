"""From text to a syntax tree, with the places of everything in it; `walker` checks it."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field

from .errors import LossError, Remark, Span, quote
from .source import Source
from .tokens import Scan, scan

MAX_DEPTH = 120
MAX_NODES = 6_000
# What a class of a loss calls the way in which its values are reduced.
REDUCTION = "self.reduction"
# What Keras gives a loss beside the target and the prediction.
WEIGHTS = "sample_weight"


@dataclass
class Tree:
    """A checked text: its statements, and the places of everything in them."""

    source: Source
    scan: Scan
    body: list[ast.stmt]
    line_shift: int
    indent: int
    spans: dict[ast.AST, Span] = field(default_factory=dict)
    notes: list[Remark] = field(default_factory=list)  # on what was left out of it
    # functions that are losses of Keras, whose values a sample are reduced, as their class says
    reduced: set[ast.FunctionDef] = field(default_factory=set)

    def offsets(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends in the text."""
        return self.source.node_offsets(node, self.line_shift, self.indent)

    def span(self, node: ast.AST) -> Span:
        """Where a node stands in the typed text."""
        found = self.spans.get(node)
        if found is None:
            found = self.source.span(*self.offsets(node))
            self.spans[node] = found
        return found

    def operator_span(self, left: ast.AST, right: ast.AST) -> Span:
        """Where the operator between two operands stands."""
        start = self.offsets(left)[1]
        end = self.offsets(right)[0]
        signs = [t for t in self.scan.between(start, end) if t.text not in ("(", ")")]
        if not signs:
            return self.source.span(start, end)
        return self.source.span(signs[0].start, signs[-1].end)

    def from_operator(self, left: ast.AST, right: ast.AST) -> Span:
        """From the operator to the end of its right side."""
        sign, end = self.operator_span(left, right), self.span(right)
        return Span(sign.line, sign.column, end.end_line, end.end_column)

    def fragment(self, node: ast.AST) -> str:
        """The typed text of a node."""
        start, end = self.offsets(node)
        return self.source.text[start:end]


def parse(text: str) -> Tree:
    """Read a text into a checked tree; raises `LossError`, never anything else."""
    source = Source(text)
    scanned = scan(source)
    # The text is parsed as the body of one statement, `if 1:`, in Python's mode for a single
    # statement: in its mode for a file, a mistake makes it look for a file to quote from.
    # A body pasted from a function is indented already, and keeps its columns.
    indent = 0 if scanned.indented else 1
    head = "if 1:\n" if scanned.indented else "if 1:\n pass\n"
    ends = [*source.starts[1:], len(source.text)]
    lines = [source.text[a:b] for a, b in zip(source.starts, ends, strict=True)]
    shift = head.count("\n")
    inside = "".join(" " * indent + line if line.strip() else line for line in lines)
    module = _parse(source, f"{head}{inside}\n", shift, indent)
    block = module.body[0]
    if len(module.body) != 1 or not isinstance(block, ast.If) or block.orelse:
        raise LossError("the indentation of the first line is not kept", hint="align the lines")
    tree = Tree(source, scanned, block.body[indent:], shift, indent)
    _check_depth(tree)
    return tree


def _parse(source: Source, text: str, shift: int, indent: int) -> ast.Interactive:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="single")
    except SyntaxError as error:
        if "multiple statements" in (error.msg or ""):
            hint = "align the lines"
            raise LossError("the indentation of the first line is not kept", hint=hint) from None
        raise _syntax_error(source, error, shift, indent) from None
    except (RecursionError, MemoryError):
        raise LossError("the text is nested too deeply", hint="name the inner parts") from None
    except (ValueError, OverflowError, UnicodeError):
        raise LossError("the text cannot be read", hint="retype it by hand") from None


def _syntax_error(source: Source, error: SyntaxError, shift: int, indent: int) -> LossError:
    line = min(max((error.lineno or 1) - shift, 1), len(source.lines))
    width = len(source.lines[line - 1])
    column = min(max((error.offset or 1) - indent, 1), width + 1)
    start = source.starts[line - 1] + column - 1
    end = min(start + 1, source.starts[line - 1] + width)
    after = (error.end_offset or 0) - indent
    if error.end_lineno == error.lineno and after > column:
        end = source.starts[line - 1] + min(after - 1, width)
    shown = source.text[start:end].strip()
    at = f"near {quote(shown)}" if shown else "at the end of the line"
    return LossError(
        f"this is not a complete expression {at}",
        source.span(start, max(end, start)),
        hint="check operators, commas and brackets around it",
    )


def _check_depth(tree: Tree) -> None:
    count = 0
    queue: list[tuple[ast.AST, int]] = [(node, 1) for node in tree.body]
    while queue:
        node, depth = queue.pop()
        count += 1
        if depth > MAX_DEPTH:
            while not hasattr(node, "lineno"):
                node = next(ast.iter_child_nodes(node))
            raise LossError(
                f"the expression is nested more than {MAX_DEPTH} deep",
                tree.span(node),
                hint="name parts of it with assignments, on lines of their own",
            )
        queue += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    if count > MAX_NODES:
        raise LossError(
            f"the text has {count:,} parts; at most {MAX_NODES:,} are read",
            hint="keep only the loss itself",
        )
