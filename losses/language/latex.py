"""A loss as the formula a person would write, for KaTeX.

Tensors carry their indices: c runs over the classes, d over the entries of an embedding, i over
the samples. While a formula is put together an index is a mark; a sum binds it to a letter, and
what no sum binds becomes c, or nothing for the sample, since a loss is one of a sample. Parts that
were given a name and are used more than once stand in lines above the loss, and so do long ones.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from losses.catalog import EVERY

from .graph import BATCHES, WIDTHS, Node, Program
from .inputs import INPUTS

# Binding strength: a part weaker than its place is put in brackets. A BIG operator such as a sum
# takes all to its right, so it is put in brackets where something is multiplied after it.
ADD, BIG, MUL, CALL, POW, ATOM = 1, 2, 3, 4, 5, 6
_LONG = 260
# Indices that nothing binds yet: of a class, a sample, an entry of an embedding, another sample.
CLASS, SAMPLE, ENTRY, OTHER = MARKS = "\x01", "\x02", "\x03", "\x04"
_LETTERS = {CLASS: "cjlmn", SAMPLE: "inab", ENTRY: "dhrs", OTHER: "jqab"}

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
_NAMES = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)
_GREEK = {**{name: name for name in _NAMES}, "lam": "lambda", "lamda": "lambda", "lmbda": "lambda",
          "eps": "epsilon", "lambd": "lambda"}  # fmt: skip
_GREEK_LETTERS = dict(zip("αβγδεζηθκλμνξπρστφχψω", _NAMES, strict=True))
_RESERVED = {"i", "c", "d", "j", "B", "C", "D", "L"}
# What leaves the value as it is, or says nothing in a formula.
_SILENT = ("broadcast_to", "expand_dims", "squeeze", "reshape", "tile", "repeat", "stop_gradient")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a formula, how strongly it holds together, and the letters its sums have bound."""

    text: str
    strength: int = ATOM
    bound: frozenset[str] = frozenset()
    fraction: tuple[Piece, Piece] | None = None

    def within(self, strength: int) -> str:
        """The text, in brackets where it is weaker than its place."""
        return self.text if self.strength >= strength else rf"\left({self.text}\right)"

    @property
    def plain(self) -> str:
        """The text without its indices: the whole tensor."""
        bare = re.sub(r"_\{[^{}]*\}", lambda m: re.sub(f"[{''.join(MARKS)}]", "", m[0]), self.text)
        return _settled(Piece(_emptied(bare), bound=self.bound))

    @property
    def is_negative(self) -> bool:
        """Whether it is minus something, so that the sign can be moved."""
        return self.text.startswith("-") and self.strength >= BIG

    def negated(self) -> Piece:
        if self.is_negative:
            return Piece(self.text[1:].strip(), self.strength, self.bound, self.fraction)
        strength = BIG if self.strength <= BIG else MUL
        return Piece(f"-{self.within(BIG)}", strength, self.bound, self.fraction)


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
        last = _settled(self.written[id(result)])
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
        named = Piece(_indexed(name, marks))
        self.lines.append(_settled(Piece(f"{named.text} &= {piece.text}", ADD, piece.bound)))
        return named


def symbol(name: str) -> str:
    """A name of the text as a symbol."""
    if name == "pt":
        return "p_{t}"
    plain = "".join("\\" + _GREEK_LETTERS[c] + " " if c in _GREEK_LETTERS else c for c in name)
    head, _, tail = plain.partition("_")
    letters = head.rstrip("0123456789")
    digits = head[len(letters) :]
    if letters.strip() in _GREEK:
        head = "\\" + _GREEK[letters.strip()]
    elif len(letters) > 1 and not letters.startswith("\\"):
        head = rf"\mathrm{{{letters}}}"
    else:
        head = letters.strip()
    below = ",".join(part for part in (digits, *tail.split("_")) if part)
    if not below:
        return head
    worded = rf"\mathrm{{{below}}}" if any(c.isalpha() for c in below) and len(below) > 1 else below
    return rf"{head}_{{{worded}}}"


def number(value: float) -> str:
    """A number as one writes it: 0.5, 10^{-7}, 2.5 times 10 to the 9."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):
        return str(int(value))
    words = f"{value:.6g}"
    if "e" not in words:
        return words
    base, _, power = words.partition("e")
    scale = f"10^{{{int(power)}}}"
    return {"1": scale, "-1": f"-{scale}"}.get(base, rf"{base}\cdot {scale}")


def _indexed(name: str, marks: str) -> str:
    """A symbol with indices added to what stands below it."""
    if not marks:
        return name
    head, below, rest = name.partition("_{")
    return f"{head}_{{{rest[:-1]}{marks}}}" if below else f"{name}_{{{marks}}}"


def _emptied(text: str) -> str:
    return text.replace("_{}", "")


def _settled(piece: Piece) -> str:
    """The text with no mark left."""
    text = piece.text.replace(SAMPLE, "").replace(OTHER, "")
    for mark in (CLASS, ENTRY):
        text = text.replace(mark, _free(mark, piece.bound))
    return _emptied(text)


def _free(mark: str, bound: frozenset[str]) -> str:
    return next((c for c in _LETTERS[mark] if c not in bound), _LETTERS[mark][-1])


def _bound(pieces: list[Piece]) -> frozenset[str]:
    return frozenset().union(*(p.bound for p in pieces))


def _symbol_of(node: Node) -> Piece:
    name = node.attrs["name"]
    if node.op == "parameter":
        return Piece(symbol(name), bound=frozenset(symbol(name)))  # not a letter for an index
    head, _, below = INPUTS[name].latex.partition("_")
    letters = INPUTS[name].shape
    marks = (SAMPLE if letters.startswith("B") else "") + (
        {"C": CLASS, "D": ENTRY}[letters[1]] if len(letters) == 2 else ""
    )
    return Piece(_emptied(f"{head}_{{{below}{marks}}}"))


def _write(node: Node, args: list[Piece]) -> Piece:
    op, bound = node.op, _bound(args)
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
        return _sum(op, args, bound)
    if op in ("mul", "xlogy"):
        right = _call(r"\log", args[1]) if op == "xlogy" else args[1]
        return _product(args[0], right, bound)
    if op == "div":
        return _quotient(args[0], args[1], bound)
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
        return Piece(f"e^{{{args[0].text}}}", POW, bound) if short else _call(r"\exp", args[0])
    if op == "abs":
        return Piece(rf"\left|{args[0].text}\right|", ATOM, bound)
    if op in _SIGNS:
        return Piece(f"{args[0].text} {_SIGNS[op]} {args[1].text}", 0, bound)
    if op == "where":
        c, x, y = (p.text for p in args)
        rows = rf"{x} & \text{{if }} {c} \\ {y} & \text{{otherwise}}"
        return Piece(rf"\begin{{cases}} {rows} \end{{cases}}", BIG, bound)
    return _function(node, args, bound)


def _sum(op: str, args: list[Piece], bound: frozenset[str]) -> Piece:
    left, right = args
    plus = op == "add"
    if left.text == "0":
        return right if plus else right.negated()
    if right.is_negative:
        plus, right = not plus, right.negated()
    text = right.within(ADD if plus else BIG)
    return Piece(f"{left.text} {'+' if plus else '-'} {text}", ADD, bound)


def _product(left: Piece, right: Piece, bound: frozenset[str]) -> Piece:
    """Two factors, the sign before both and a number first."""
    if left.is_negative or right.is_negative:
        one = left.negated() if left.is_negative else left
        other = right.negated() if right.is_negative else right
        product = _product(one, other, bound)
        return product if left.is_negative and right.is_negative else product.negated()
    if _is_number(right) and not left.text[:1].isdigit():
        left, right = right, left
    if "1" in (left.text, right.text):
        return right if left.text == "1" else left
    whole, share = left.text.isdigit(), r"\frac{1}{"
    if whole and right.text.startswith(share):
        return Piece(rf"\frac{{{left.text}}}{{" + right.text[len(share) :], right.strength, bound)
    first, second = left.within(MUL), right.within(BIG)
    brackets = first.endswith(r"\right)") or second.startswith(r"\left(")
    space = r"\cdot " if second[:1].isdigit() else " " if brackets else r"\,"
    return Piece(f"{first}{space}{second}", BIG if right.strength == BIG else MUL, bound)


def _is_number(piece: Piece) -> bool:
    return piece.strength >= MUL and piece.text[:1].isdigit()


def _quotient(top: Piece, bottom: Piece, bound: frozenset[str]) -> Piece:
    """A fraction, the sign before it; one over another becomes one of products."""
    if top.is_negative or bottom.is_negative:
        one = top.negated() if top.is_negative else top
        other = bottom.negated() if bottom.is_negative else bottom
        quotient = _quotient(one, other, bound)
        return quotient if top.is_negative and bottom.is_negative else quotient.negated()
    if top.fraction is not None:
        top, inner = top.fraction
        bottom = _product(inner, bottom, bound)
    text = rf"\frac{{{top.text}}}{{{bottom.text}}}"
    return Piece(text, CALL, bound, (top, bottom))


def _call(name: str, x: Piece) -> Piece:
    """A function before its argument, which needs brackets only where it is not one thing."""
    big = x.strength == BIG and x.text.startswith(("\\sum", "\\prod", "\\max", "\\min"))
    bare = x.strength >= CALL or big
    text = f"{name} {x.text}" if bare else rf"{name}\left({x.text}\right)"
    return Piece(text, BIG if x.strength == BIG else CALL, x.bound)


def _norm(node: Node, piece: Piece) -> str | None:
    """The length of a vector, for the root of a sum of squares over the last axis."""
    if node.op != "sum" or node.args[0].op != "square" or node.attrs["axis"] != -1:
        return None
    inner = re.fullmatch(r"\\sum_\{(\w)\} (.*)\^\{2\}", piece.text)
    if inner is None:
        return None
    text = re.sub(rf"(?<![a-z]){inner.group(1)}(?=\}})", "", inner.group(2))
    text = re.sub(r"^\\left\((.*)\\right\)$", r"\1", text)
    return _emptied(rf"\left\lVert {text} \right\rVert")


def _function(node: Node, args: list[Piece], bound: frozenset[str]) -> Piece:
    a, op = node.attrs, node.op
    if op == "mean" or op in _BIG:
        return _reduction(node, args[0])
    if op == "logsumexp":
        power = Piece(f"e^{{{args[0].text}}}", POW, bound)
        return _call(r"\log", _reduction(node, power, r"\sum"))
    if op in ("softmax", "log_softmax"):
        log = r"\log " if op == "log_softmax" else ""
        whole = rf"{log}\operatorname{{softmax}}\left({args[0].plain}\right)"
        return Piece(f"{whole}_{{{CLASS}}}", CALL, bound)
    if op in ("matmul", "outer"):
        text = rf"{_plain(args[0]).within(MUL)}\, {_plain(args[1]).within(MUL)}"
        if node.rank == 2 and node.shapes[0][1] not in BATCHES:
            last = _mark(node, 1, "")
            return Piece(rf"\left({text}\right)_{{{SAMPLE}{last}}}", ATOM, bound)
        return Piece(text, MUL, bound)
    if op == "transpose":
        return Piece(rf"{_plain(args[0]).within(ATOM)}^{{\top}}", POW, bound)
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
        letter = _free(CLASS, bound | {"c"})
        each = Piece(args[0].text.replace(CLASS, letter), args[0].strength)
        text = rf"\sum_{{{letter} \leq {CLASS}}} {each.within(BIG)}"
        return Piece(text, BIG, bound | {letter})
    if op == "take":
        return _taken(node, args)
    if op == "one_hot":
        return Piece(rf"\mathbb{{1}}\left[{args[0].text} = {CLASS}\right]", ATOM, bound)
    if op == "array":
        marks = CLASS if node.rank else ""
        return Piece(f"w_{{{marks}}}" if marks else "w")
    if op == "full_like":
        return Piece(str(int(a["value"])))
    if op == "full":
        return args[0]
    if op == "arange":
        return Piece(CLASS)
    if op == "dim":
        sizes = {BATCHES: "B", WIDTHS: "D"}
        static = node.static or (0, 0)
        return Piece(sizes.get((int(static[0]), int(static[1])), "C"))
    if op == "slice":
        return _slice(node, args[0])
    name = _FUNCTIONS.get(op)
    if name is not None and len(args) == 1:
        return _call(name, args[0])
    inner = r",\, ".join(p.text for p in args)
    return Piece(rf"{_word(op)}\left({inner}\right)", ATOM, bound)


def _word(name: str) -> str:
    """The name of a function as an upright word."""
    return rf"\text{{{name.replace('_', '-')}}}" if "_" in name else rf"\operatorname{{{name}}}"


def _mark(node: Node, place: int, text: str) -> str:
    """The index that counts along an axis of a tensor."""
    sizes = (node.shapes[0][place], node.shapes[1][place])
    if sizes == BATCHES:
        return SAMPLE if place == 0 or SAMPLE in text else OTHER
    return ENTRY if sizes == WIDTHS else CLASS


def _plain(piece: Piece) -> Piece:
    return Piece(piece.plain, piece.strength, piece.bound)


def _reduction(node: Node, x: Piece, sign: str = "") -> Piece:
    """A sum, mean, maximum... over the indices of its axes."""
    axis, tensor = node.attrs["axis"], node.args[0]
    axes = range(tensor.rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    marks: list[str] = []
    for place in sorted(a % tensor.rank for a in axes) if tensor.rank else ():
        flat = tensor.rank == 1 and tensor.shapes[0][0] % BATCHES[0] == 0 and CLASS in x.text
        marks += [SAMPLE, CLASS] if flat and SAMPLE in x.text else [_mark(tensor, place, x.text)]
    text, bound, over = x.text, x.bound, []
    for mark in marks:
        letter = _free(mark, bound)
        text, bound = text.replace(mark, letter), bound | {letter}
        over.append(letter)
    inner = Piece(text, x.strength, bound)
    if not over:
        return inner
    front = sign or _BIG.get(node.op, r"\sum")
    if node.op == "mean" and not sign:
        names = {SAMPLE: "B", OTHER: "B", ENTRY: "D"}
        few = str(tensor.shapes[0][-1]) if tensor.rank > 2 or tensor.shapes[0][-1] < 3 else "C"
        count = "".join(names.get(mark, few) for mark in marks).replace("BB", "B^{2}")
        front = rf"\frac{{1}}{{{count}}}\sum"
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
    inner = r",\, ".join(p.plain for p in args[:count])
    short = _SHORT.get(info.name)
    name = rf"\operatorname{{{short}}}" if short else _word(info.name)
    inner += r";\ " + r",\, ".join(knobs) if knobs else ""
    return Piece(rf"{name}\left({inner}\right)", ATOM, bound)


def _taken(node: Node, args: list[Piece]) -> Piece:
    """Entries of a tensor by an index that is a tensor."""
    marks = _mark(node, 1, "") if node.rank > 1 and node.attrs["axis"] == 0 else ""
    if node.args[0].op == "input":
        return Piece(_indexed(f"{args[0].plain}_{{{args[1].text}}}", marks), ATOM, _bound(args))
    return Piece(rf"{args[0].within(ATOM)}\left[{args[1].text}\right]", ATOM, _bound(args))


def _slice(node: Node, x: Piece) -> Piece:
    index = node.attrs["index"]
    if index == ((None, None, None), "new") and SAMPLE not in x.text:
        letter = _free(CLASS, x.bound | {"c"})  # a column: its index is that of the rows
        return Piece(x.text.replace(CLASS, letter), x.strength, x.bound | {letter})
    if all(i in ("new", (None, None, None)) for i in index):
        return x
    shown = ",".join(_index(i) for i in index if i != "new")
    return Piece(rf"{_plain(x).within(ATOM)}\left[{shown}\right]", ATOM, x.bound)


def _index(item: object) -> str:
    if isinstance(item, tuple):
        start, stop, _ = ("" if v is None else str(v) for v in item)
        return f"{start}:{stop}"
    return str(item)
