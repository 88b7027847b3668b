"""A loss as the formula a person would write, for KaTeX.

Tensors carry their indices: c runs over the classes, d over the entries of an embedding, i over
the samples. While a formula is put together an index is a mark; a sum binds it to a letter, and
what no sum binds becomes c, or nothing for the sample, since a loss is one of a sample. Parts that
were given a name and are used more than once stand in lines above the loss, and so do long ones.
"""

from __future__ import annotations

import re
from collections import Counter

from losses.catalog import EVERY

from .formula import (
    ADD,
    ATOM,
    BIG,
    CALL,
    CLASS,
    ENTRY,
    MUL,
    OTHER,
    POW,
    SAMPLE,
    Piece,
    applied,
    bound_in,
    emptied,
    free_letter,
    indexed,
    number,
    plain_piece,
    product,
    quotient,
    settled,
    symbol,
    total,
    word,
)
from .graph import BATCHES, WIDTHS, Node, Program, letter

_LONG = 260
_FUNCTIONS = {
    **{name: rf"\{name}" for name in ("log", "sin", "cos", "tan", "tanh", "sinh", "cosh")},
    **{name: rf"\{name}" for name in ("arcsin", "arccos", "arctan")},
    "sigmoid": r"\sigma",
    "log_sigmoid": r"\log\sigma",
    "log2": r"\log_2",
    "log10": r"\log_{10}",
    "sign": r"\operatorname{sgn}",
}
_SIGNS = {
    "eq": "=",
    "ne": r"\neq",
    "lt": "<",
    "le": r"\leq",
    "gt": ">",
    "ge": r"\geq",
    "logical_and": r"\wedge",
    "logical_or": r"\vee",
    "logical_xor": r"\oplus",
}
_BIG = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min",
        "argmax": r"\operatorname*{arg\,max}", "argmin": r"\operatorname*{arg\,min}",
        "any": r"\bigvee", "all": r"\bigwedge", "std": r"\operatorname*{std}",
        "var": r"\operatorname*{var}", "count_nonzero": r"\operatorname*{count}"}  # fmt: skip
_SHORT = {
    "categorical_crossentropy": "CE",
    "sparse_categorical_crossentropy": "CE",
    "binary_crossentropy": "BCE",
    "mean_squared_error": "MSE",
    "mean_absolute_error": "MAE",
    "kl_divergence": "KL",
}
_RESERVED = {"i", "c", "d", "j", "B", "C", "D", "L"}
# What leaves the value as it is, or says nothing in a formula.
_SILENT = ("broadcast_to", "expand_dims", "squeeze", "reshape", "tile", "repeat", "stop_gradient")


def latex(program: Program) -> str:
    """The formula of a loss, for KaTeX."""
    return _Writer(program).formula()


class _Writer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.written: dict[int, Piece] = {}
        self.lines: list[str] = []
        used = [n for n in program.order if n.op in ("input", "parameter")]
        self.taken = {_symbol_of(n).plain for n in used} | _RESERVED
        if any(n.op in ("exp", "logsumexp", "softplus") for n in program.order):
            self.taken.add("e")

    def formula(self) -> str:
        order, result = self.program.order, self.program.result
        uses = Counter(id(need) for node in order for need in node.needs())
        for node in order:
            piece = _write(node, [self.written[id(a)] for a in node.args])
            if node is not result and self.is_apart(node, piece, uses[id(node)]):
                piece = self.line(node, piece)
            self.written[id(node)] = piece
        last = settled(self.written[id(result)])
        if not self.lines:
            return last
        rows = r" \\ ".join([*self.lines, f"L &= {last}"])
        return rf"\begin{{aligned}} {rows} \end{{aligned}}"

    def is_apart(self, node: Node, piece: Piece, uses: int) -> bool:
        """Whether a part gets a line of its own."""
        size = len(re.sub(r"\\[a-z]+|[{}]", "", piece.text))
        named = node in self.program.labels and piece.strength < ATOM
        wanted = named and size > 8 and (uses > 1 or "cases" in piece.text)
        return len(piece.text) > _LONG or wanted or (uses > 2 and size > 40)

    def line(self, node: Node, piece: Piece) -> Piece:
        """Write a part in a line of its own; what stands for it from there on."""
        name = symbol(self.program.labels.get(node, ""))
        if not name or name in self.taken:
            name = f"u_{{{len(self.lines) + 1}}}"
        self.taken.add(name)
        marks = "".join(m for m in (SAMPLE, CLASS, ENTRY) if m in piece.text)
        named = Piece(indexed(name, marks))
        self.lines.append(settled(Piece(f"{named.text} &= {piece.text}", ADD, piece.bound)))
        return named


def _symbol_of(node: Node) -> Piece:
    name = node.attrs["name"]
    if node.op == "parameter":
        return Piece(symbol(name), bound=frozenset(symbol(name)))  # not a letter for an index
    head, _, below = node.attrs["of"].latex.partition("_")
    below = below.removeprefix("{").removesuffix("}")
    letters = node.attrs["of"].shape
    marks = SAMPLE if letters.startswith("B") else ""
    if len(letters) > 1:  # one letter for all axes of an image
        marks += ENTRY if letters[1:] == "D" else CLASS
    return Piece(emptied(f"{head}_{{{below}{marks}}}"))


def _write(node: Node, args: list[Piece]) -> Piece:
    op, bound = node.op, bound_in(args)
    if op in ("input", "parameter"):
        return _symbol_of(node)
    if op == "const":
        words = number(node.attrs["value"])
        return Piece(words, MUL if words.startswith("-") or "cdot" in words else ATOM)
    if op in _SILENT or (op == "cast" and node.args[0].dtype != "bool"):
        return args[0]
    if op == "cast":
        return Piece(rf"\mathbb{{1}}\left[{args[0].text}\right]", ATOM, bound)
    if op in ("add", "sub"):
        return total(op, args, bound)
    if op in ("mul", "xlogy"):
        right = applied(r"\log", args[1]) if op == "xlogy" else args[1]
        return product(args[0], right, bound)
    if op == "div":
        return quotient(args[0], args[1], bound)
    if op == "neg":
        return args[0].negated()
    if op in ("pow", "square"):
        power = "2" if op == "square" else args[1].text
        return Piece(f"{args[0].within(ATOM)}^{{{power}}}", POW, bound)
    if op in ("sqrt", "rsqrt"):
        root = _norm(node.args[0], args[0]) or rf"\sqrt{{{args[0].text}}}"
        return Piece(root if op == "sqrt" else rf"\frac{{1}}{{{root}}}", CALL, bound)
    if op == "exp":
        short = "frac" not in args[0].text and len(args[0].text) < 60
        return Piece(f"e^{{{args[0].text}}}", POW, bound) if short else applied(r"\exp", args[0])
    if op == "abs":
        return Piece(rf"\left|{args[0].text}\right|", ATOM, bound)
    if op in _SIGNS:
        return Piece(f"{args[0].text} {_SIGNS[op]} {args[1].text}", 0, bound)
    if op == "where":
        c, x, y = (p.text for p in args)
        rows = rf"{x} & \text{{if }} {c} \\ {y} & \text{{otherwise}}"
        return Piece(rf"\begin{{cases}} {rows} \end{{cases}}", BIG, bound)
    return _function(node, args, bound)


def _norm(node: Node, piece: Piece) -> str | None:
    """The length of a vector, for the root of a sum of squares over the last axis."""
    if node.op != "sum" or node.args[0].op != "square" or node.attrs["axis"] != -1:
        return None
    inner = re.fullmatch(r"\\sum_\{(\w)\} (.*)\^\{2\}", piece.text)
    if inner is None:
        return None
    text = re.sub(rf"(?<![a-z]){inner.group(1)}(?=\}})", "", inner.group(2))
    text = re.sub(r"^\\left\((.*)\\right\)$", r"\1", text)
    return emptied(rf"\left\lVert {text} \right\rVert")


def _function(node: Node, args: list[Piece], bound: frozenset[str]) -> Piece:
    a, op = node.attrs, node.op
    if op == "mean" or op in _BIG:
        return _reduction(node, args[0])
    if op == "logsumexp":
        power = Piece(f"e^{{{args[0].text}}}", POW, bound)
        return applied(r"\log", _reduction(node, power, r"\sum"))
    if op in ("softmax", "log_softmax"):
        log = r"\log " if op == "log_softmax" else ""
        whole = rf"{log}\operatorname{{softmax}}\left({args[0].plain}\right)"
        return Piece(f"{whole}_{{{CLASS}}}", CALL, bound)
    if op in ("matmul", "outer"):
        text = rf"{plain_piece(args[0]).within(MUL)}\, {plain_piece(args[1]).within(MUL)}"
        if node.rank == 2 and node.shapes[0][1] not in BATCHES:
            last = _mark(node, 1, "")
            return Piece(rf"\left({text}\right)_{{{SAMPLE}{last}}}", ATOM, bound)
        return Piece(text, MUL, bound)
    if op == "transpose":
        return Piece(rf"{plain_piece(args[0]).within(ATOM)}^{{\top}}", POW, bound)
    if op == "named":
        return _named(node, args, bound)
    if op in ("maximum", "minimum"):
        return Piece(rf"\{op[:3]}\left({args[0].text},\, {args[1].text}\right)", ATOM, bound)
    if op == "clip":
        if node.args[0].op == "input":  # clipped in any case, and for the same reason
            return args[0]
        inner = r",\, ".join(p.text for p in args)
        return Piece(rf"\operatorname{{clip}}\left({inner}\right)", ATOM, bound)
    if op == "softplus":
        return Piece(rf"\log\left(1 + e^{{{args[0].text}}}\right)", CALL, bound)
    if op == "squared_difference":
        return Piece(rf"\left({args[0].text} - {args[1].within(BIG)}\right)^{{2}}", POW, bound)
    if op == "relu":
        return Piece(rf"\max\left(0,\, {args[0].text}\right)", ATOM, bound)
    if op == "cumsum" and a["axis"] == -1 and CLASS in args[0].text:
        letter = free_letter(CLASS, bound | {"c"})
        each = Piece(args[0].text.replace(CLASS, letter), args[0].strength)
        text = rf"\sum_{{{letter} \leq {CLASS}}} {each.within(BIG)}"
        return Piece(text, BIG, bound | {letter})
    if op == "take":
        return _taken(node, args)
    if op == "one_hot":
        return Piece(rf"\mathbb{{1}}\left[{args[0].text} = {CLASS}\right]", ATOM, bound)
    if op == "array":
        return Piece(f"w_{{{CLASS}}}" if node.rank else "w")
    if op == "full":
        return args[0]
    if op in ("full_like", "arange"):
        return Piece(CLASS if op == "arange" else str(int(a["value"])))
    if op == "dim":
        sizes = {BATCHES: "B", WIDTHS: "D"}
        static = node.static or (0, 0)
        return Piece(sizes.get((int(static[0]), int(static[1])), "C"))
    if op == "slice":
        return _slice(node, args[0])
    name = _FUNCTIONS.get(op)
    if name is not None and len(args) == 1:
        return applied(name, args[0])
    inner = r",\, ".join(p.text for p in args)
    return Piece(rf"{word(op)}\left({inner}\right)", ATOM, bound)


def _mark(node: Node, place: int, text: str) -> str:
    """The index that counts along an axis of a tensor."""
    sizes = (node.shapes[0][place], node.shapes[1][place])
    if sizes == BATCHES:
        return SAMPLE if place == 0 or SAMPLE in text else OTHER
    return ENTRY if sizes == WIDTHS else CLASS


def _reduction(node: Node, x: Piece, sign: str = "") -> Piece:
    """A sum, mean, maximum... over the indices of its axes."""
    axis, tensor = node.attrs["axis"], node.args[0]
    axes = range(tensor.rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    marks: list[str] = []
    for place in sorted(a % tensor.rank for a in axes) if tensor.rank else ():
        flat = tensor.rank == 1 and tensor.shapes[0][0] % BATCHES[0] == 0 and CLASS in x.text
        marks += [SAMPLE, CLASS] if flat and SAMPLE in x.text else [_mark(tensor, place, x.text)]
    own = any(letter(one, two) == "?" for one, two in zip(*tensor.shapes, strict=True))
    marks = list(dict.fromkeys(marks)) if own else marks
    text, bound, over = x.text, x.bound, []
    for mark in marks:
        index = free_letter(mark, bound)
        text, bound = text.replace(mark, index), bound | {index}
        over.append(index)
    inner = Piece(text, x.strength, bound)
    if not over:
        return inner
    front = sign or _BIG.get(node.op, r"\sum")
    if node.op == "mean" and not sign:
        names = {SAMPLE: "B", OTHER: "B", ENTRY: "D"}
        few = str(tensor.shapes[0][-1]) if tensor.rank > 2 or tensor.shapes[0][-1] < 3 else "C"
        count = "".join(names.get(mark, few) for mark in marks).replace("BB", "B^{2}")
        front = r"\operatorname*{mean}" if own else rf"\frac{{1}}{{{count}}}\sum"
    if inner.is_negative and "sum" in front:
        rest = Piece(f"{front}_{{{','.join(over)}}} {inner.negated().within(BIG)}", BIG, bound)
        return rest.negated()
    return Piece(f"{front}_{{{','.join(over)}}} {inner.within(BIG)}", BIG, bound)


def _named(node: Node, args: list[Piece], bound: frozenset[str]) -> Piece:
    info = EVERY[node.attrs["name"]]
    count = len(info.inputs)
    defaults = {k.name: k.default for k in info.parameters}
    live = zip(node.attrs["live"], node.args[count:], args[count:], strict=True)
    knobs = [
        f"{symbol(name)} = {piece.text}"
        for name, value, piece in live
        if not (value.is_const and value.attrs["value"] == defaults[name])
    ]
    axis = dict(node.attrs["fixed"]).get("axis")
    if axis is not None:
        knobs.append(rf"\mathrm{{axis}} = {', '.join(map(str, axis))}")
    inner = r",\, ".join(p.plain for p in args[:count])
    short = _SHORT.get(info.name)
    name = rf"\operatorname{{{short}}}" if short else word(info.name)
    inner += r";\ " + r",\, ".join(knobs) if knobs else ""
    return Piece(rf"{name}\left({inner}\right)", ATOM, bound)


def _taken(node: Node, args: list[Piece]) -> Piece:
    """Entries of a tensor by an index that is a tensor."""
    marks = _mark(node, 1, "") if node.rank > 1 and node.attrs["axis"] == 0 else ""
    if node.args[0].op == "input":
        return Piece(indexed(f"{args[0].plain}_{{{args[1].text}}}", marks), ATOM, bound_in(args))
    return Piece(rf"{args[0].within(ATOM)}\left[{args[1].text}\right]", ATOM, bound_in(args))


def _slice(node: Node, x: Piece) -> Piece:
    index = node.attrs["index"]
    if index == ((None, None, None), "new") and SAMPLE not in x.text:
        letter = free_letter(CLASS, x.bound | {"c"})  # a column: its index is that of the rows
        return Piece(x.text.replace(CLASS, letter), x.strength, x.bound | {letter})
    if all(i in ("new", (None, None, None)) for i in index):
        return x
    shown = ",".join(_index(i) for i in index if i != "new")
    return Piece(rf"{plain_piece(x).within(ATOM)}\left[{shown}\right]", ATOM, x.bound)


def _index(item: object) -> str:
    if isinstance(item, tuple):
        start, stop, _ = ("" if v is None else str(v) for v in item)
        return f"{start}:{stop}"
    return str(item)
