"""The one palette: colours that mean the same thing on every page."""

# Okabe and Ito's eight, told apart by people with any colour vision. Each theme has them at the
# strength that can be seen on it (.streamlit/config.toml says the same to Streamlit's own charts).
RUNS_LIGHT = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#b8a800",
    "#000000",
)
RUNS_DARK = (
    "#3d9bd6",
    "#e69f00",
    "#1fb58a",
    "#e8743b",
    "#d98fb8",
    "#7cc5f0",
    "#f0e442",
    "#bbbbbb",
)
# Ten classes: Petroff's sequence for people with any colour vision (2021, arXiv:2107.02270); on
# the dark page its three darkest are lighter.
CLASSES_LIGHT = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
CLASSES_DARK = (
    "#3f90da",
    "#ffa90e",
    "#e5472c",
    "#94a4a2",
    "#a95fd8",
    "#b97f6e",
    "#e76300",
    "#b9ac70",
    "#8b909d",
    "#92dadd",
)
COUNT = len(RUNS_LIGHT)


def run_colour(place: int, dark: bool = False) -> str:
    """The colour of the run at this place (0 first; after eight the colours come round again)."""
    colours = RUNS_DARK if dark else RUNS_LIGHT
    return colours[place % len(colours)]


# How much of white or black the colours of a run's branches have, one after the other; as
# `pages/live/assets/words.js` has it.
_SHADES = ((255, 0.45), (0, 0.4), (255, 0.65), (0, 0.6))


def colour_of(color: int | str, dark: bool = False) -> str:
    """The colour of a run by what a chart is given: its place, or "2~1" for the first shade of the
    third colour, of a branch."""
    place, _, shade = str(color).partition("~")
    plain = run_colour(int(place), dark)
    if not shade:
        return plain
    towards, share = _SHADES[(int(shade) - 1) % len(_SHADES)]
    parts = [int(plain[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{int(part + (towards - part) * share + 0.5):02x}" for part in parts)


def ink(dark: bool) -> str:
    """The colour of a line that stands for no run: the text's."""
    return "#E6E6E6" if dark else "#1F2933"


def ghost(dark: bool) -> str:
    """The colour of what is shown for comparison only."""
    return "#7A828C" if dark else "#9AA3AD"
