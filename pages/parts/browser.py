"""What only the browser can do: copy the page's address, and keys for the whole page."""

import streamlit as st

_COPY_LINK = st.components.v2.component(
    "copy_link",
    html='<button type="button" title="Copy the address of exactly this screen"></button>',
    css="""
button {
  height: 40px;
  padding: 0 0.75rem;
  font-family: inherit;
  font-size: calc(0.875 * var(--st-base-font-size));
  white-space: nowrap;
  color: var(--st-text-color);
  background: transparent;
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius);
  cursor: pointer;
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
""",
    js="""
const LABEL = "Copy link";

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  if (!button.textContent) button.textContent = LABEL;
  button.onclick = async () => {
    try {
      const link = new URL(window.location.href);
      if (data.made) link.searchParams.set("made", data.made);
      await navigator.clipboard.writeText(String(link));
      button.textContent = "Copied";
    } catch {
      // Browsers give the clipboard to secure pages only: the address bar has the same link.
      button.textContent = "Copy it from the address bar";
    }
    window.setTimeout(() => { button.textContent = LABEL; }, 2000);
  };
}
""",
)

_KEYS = st.components.v2.component(
    "keys",
    js="""
// Keys work unless they already mean something where they are pressed: all in a text and on a
// slider, those that press a button on a button reached by keyboard. Space presses no link.
const WRITTEN = "input, textarea, select, [contenteditable], [role=slider], [role=combobox]";
const PRESSED = "button, summary, [role=button], [role=tab], [role=radio], [role=option]";

function isTaken(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.closest(WRITTEN) || document.querySelector("[role=dialog]")) return true;
  if (event.key !== " " && event.key !== "Enter") return false;
  return target.closest(PRESSED) !== null && target.matches(":focus-visible");
}

let listening = null; // the one listener there is, and the element it is of

function stop() {
  if (listening) document.removeEventListener("keydown", listening.listener);
  listening = null;
}

export default function ({ data, parentElement }) {
  stop();
  const listener = (event) => {
    const names = data.keys[event.key];
    if (!names || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (isTaken(event)) return;
    event.preventDefault();
    for (const name of names) {
      const made = [...document.querySelectorAll(`.st-key-${name} button`)];
      const button = made.find((one) => !one.disabled && one.getClientRects().length > 0);
      if (button) {
        button.click();
        return;
      }
    }
  };
  document.addEventListener("keydown", listener);
  listening = { listener, parentElement };
  // Of whichever call this is the clean-up, it ends what its element has by then; another page's
  // listener may have come by the time that this one goes.
  return () => {
    if (listening?.parentElement === parentElement) stop();
  };
}
""",
)


_NARROW = st.components.v2.component(
    "narrow",
    js="""
const views = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  let view = views.get(parentElement);
  if (!view) {
    const query = window.matchMedia("(max-width: 640px)");
    view = { query, tell: () => view.set("narrow", query.matches) };
    query.addEventListener("change", view.tell);
    views.set(parentElement, view);
    view.set = component.setStateValue;
    if (query.matches) view.tell();
  }
  view.set = component.setStateValue;
  return () => {
    view.query.removeEventListener("change", view.tell);
    views.delete(parentElement);
  };
}
""",
)


def copy_link(key: str, made: str = "") -> None:
    """A button that copies the page's address, which describes all that is on the screen, with what
    its numbers are `made` of (`playground.replay`)."""
    _COPY_LINK(key=key, width="content", data={"made": made})


def keys(key: str, pressed: dict[str, list[str]]) -> None:
    """Makes a key of the keyboard press the first enabled one of the buttons with these keys."""
    _KEYS(key=key, data={"keys": pressed}, height=1)


def narrow(key: str) -> bool:
    """Whether the page is as narrow as a phone; a change of that draws it anew."""
    result = _NARROW(key=key, height=1, on_narrow_change=_nothing)
    return bool(result.get("narrow"))


def _nothing() -> None:
    """Streamlit keeps a state only for those who listen to it."""
