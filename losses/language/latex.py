"""A loss as a formula. Long parts get names of their own, in lines above the loss."""

from __future__ import annotations

from collections import Counter

from losses.catalog import EVERY

from .graph import Node, Program
from .inputs import INPUTS

# Binding strength: a part weaker than its place is put in brackets.
ADD, MUL, NEG, POW, ATOM = 1, 2, 3, 4, 5
_LONG = 260

_FUNCTIONS = {
    "log": r"\log",
    "exp": r"\exp",
    "sin": r"\sin",
    "cos": r"\cos",
    "tan": r"\tan",
    "tanh": r"\tanh",
    "sinh": r"\sinh",
    "cosh": r"\cosh",
    "arcsin": r"\arcsin",
    "arccos": r"\arccos",
    "arctan": r"\arctan",
    "sigmoid": r"\sigma",
    "maximum": r"\max",
    "minimum": r"\min",
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
_NAMES = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)
_GREEK = frozenset(_NAMES)
_GREEK_LETTERS = dict(zip("αβγδεζηθκλμνξπρστφχψω", _NAMES, strict=True))

Piece = tuple[str, int]


def latex(program: Program) -> str:
    """The formula of a loss, for KaTeX."""
    uses = Counter(id(need) for node in program.order for need in node.needs())
    written: dict[int, Piece] = {}
    lines: list[str] = []
    for node in program.order:
        piece = _write(node, written)
        heavy = len(piece[0]) > _LONG or (uses[id(node)] > 2 and len(piece[0]) > 60)
        if heavy and node is not program.result:
            name = f"u_{{{len(lines) + 1}}}"
            lines.append(f"{name} &= {piece[0]}")
            piece = (name, ATOM)
        written[id(node)] = piece
    result = written[id(program.result)][0]
    if not lines:
        return result
    rows = r" \\ ".join([*lines, f"L &= {result}"])
    return rf"\begin{{aligned}} {rows} \end{{aligned}}"


def symbol(name: str) -> str:
    """A name of the text as a symbol."""
    plain = "".join("\\" + _GREEK_LETTERS[c] + " " if c in _GREEK_LETTERS else c for c in name)
    head, _, tail = plain.partition("_")
    if head.strip() in _GREEK:
        head = "\\" + head
    elif len(head) > 1 and not head.startswith("\\"):
        head = rf"\mathrm{{{head}}}"
    if not tail:
        return head.strip()
    below = tail.replace("_", ",")
    return rf"{head.strip()}_{{\mathrm{{{below}}}}}"


def number(value: float) -> str:
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):
        return str(int(value))
    words = f"{value:.6g}"
    if "e" not in words:
        return words
    base, _, power = words.partition("e")
    scale = f"10^{{{int(power)}}}"
    return scale if base == "1" else rf"{base}\cdot {scale}"


def _in(piece: Piece, strength: int) -> str:
    return piece[0] if piece[1] >= strength else rf"\left({piece[0]}\right)"


def _write(node: Node, written: dict[int, Piece]) -> Piece:
    args = [written[id(a)] for a in node.args]
    a, op = node.attrs, node.op
    if op == "input":
        return INPUTS[a["name"]].latex, ATOM
    if op == "parameter":
        return symbol(a["name"]), ATOM
    if op == "const":
        return number(a["value"]), NEG if a["value"] < 0 or "cdot" in number(a["value"]) else ATOM
    if op in ("cast", "broadcast_to", "expand_dims", "squeeze", "reshape"):
        return args[0]
    if op in ("add", "sub"):
        sign = "+" if op == "add" else "-"
        return f"{args[0][0]} {sign} {_in(args[1], ADD if op == 'add' else MUL)}", ADD
    if op == "mul":
        dot = r"\cdot " if node.args[1].op == "const" else r"\,"
        return f"{_in(args[0], MUL)} {dot}{_in(args[1], NEG)}", MUL
    if op == "div":
        return rf"\frac{{{args[0][0]}}}{{{args[1][0]}}}", POW
    if op == "neg":
        return f"-{_in(args[0], MUL)}", MUL
    if op == "pow":
        return f"{_in(args[0], ATOM)}^{{{args[1][0]}}}", POW
    if op == "square":
        return f"{_in(args[0], ATOM)}^{{2}}", POW
    if op in ("sqrt", "rsqrt"):
        root = rf"\sqrt{{{args[0][0]}}}"
        return (root, ATOM) if op == "sqrt" else (rf"\frac{{1}}{{{root}}}", POW)
    if op == "xlogy":
        return rf"{_in(args[0], MUL)} \log {_in(args[1], ATOM)}", MUL
    if op == "abs":
        return rf"\left|{args[0][0]}\right|", ATOM
    if op in _SIGNS:
        return f"{args[0][0]} {_SIGNS[op]} {args[1][0]}", 0
    if op == "matmul":
        return f"{_in(args[0], MUL)} {_in(args[1], MUL)}", MUL
    if op == "transpose":
        return rf"{_in(args[0], ATOM)}^{{\top}}", POW
    if op == "where":
        c, x, y = (p[0] for p in args)
        return rf"\begin{{cases}} {x} & {c} \\ {y} & \text{{else}} \end{{cases}}", ATOM
    return _function(node, args)


def _function(node: Node, args: list[Piece]) -> Piece:
    a, op = node.attrs, node.op
    if op in ("sum", "prod", "max", "min", "mean"):
        return _reduction(node, args[0])
    if op == "named":
        return _named(node, args)
    if op == "clip":
        x, low, high = (p[0] for p in args)
        if node.args[0].op == "input":
            return args[0]
        return rf"\mathrm{{clip}}_{{[{low},\,{high}]}}\left({x}\right)", ATOM
    if op == "array":
        return (r"\mathbf{w}", ATOM)
    if op == "full_like":
        return str(int(a["value"])), ATOM
    if op == "full":
        return args[0]
    if op == "dim":
        sizes = {(17, 29): "B", (16, 23): "D"}
        static = node.static or (0, 0)
        return sizes.get((int(static[0]), int(static[1])), "C"), ATOM
    if op == "slice":
        index = ",".join(_index(i) for i in a["index"])
        whole = all(i in ("new", (None, None, None)) for i in a["index"])
        return args[0] if whole else (rf"{_in(args[0], ATOM)}_{{[{index}]}}", POW)
    plain = op.replace("_", r"\_")
    name = _FUNCTIONS.get(op) or rf"\mathrm{{{plain}}}"
    inner = r",\ ".join(p[0] for p in args)
    return rf"{name}\left({inner}\right)", ATOM


def _reduction(node: Node, x: Piece) -> Piece:
    axis, rank = node.attrs["axis"], node.args[0].rank
    over = "c" if axis in (-1, rank - 1) and rank > 1 else "i" if axis == 0 or rank == 1 else "i,c"
    signs = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
    if node.op == "mean":
        count = {"c": "C", "i": "B", "i,c": "BC"}[over]
        return rf"\frac{{1}}{{{count}}}\sum_{{{over}}} {_in(x, MUL)}", MUL
    return rf"{signs[node.op]}_{{{over}}} {_in(x, MUL)}", MUL


def _named(node: Node, args: list[Piece]) -> Piece:
    info = EVERY[node.attrs["name"]]
    count = len(info.inputs)
    knobs = [f"{symbol(n)}={p[0]}" for n, p in zip(node.attrs["live"], args[count:], strict=True)]
    inner = ", ".join(p[0] for p in args[:count]) + (";\\ " + ", ".join(knobs) if knobs else "")
    name = info.name.replace("_", r"\_")
    return rf"\mathrm{{{name}}}\left({inner}\right)", ATOM


def _index(item: object) -> str:
    if item == "new":
        return r"\cdot"
    if isinstance(item, tuple):
        start, stop, _ = ("" if v is None else str(v) for v in item)
        return f"{start}:{stop}"
    return str(item)
