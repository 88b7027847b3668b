// One tab stop for a grid of things that can be pressed: arrow keys go from one to the next.

/**
 * Makes the elements, which stand side by side and then in further rows, one stop; Enter and Space
 * press them.
 * @param {HTMLElement} grid
 * @param {HTMLElement[]} cells
 */
export function rove(grid, cells) {
  let at = 0
  /** @param {number} next */
  const stop = (next) => {
    if (cells[at]) cells[at].tabIndex = -1
    at = next
    if (cells[at]) cells[at].tabIndex = 0
  }
  for (const cell of cells) cell.tabIndex = -1
  stop(0)
  grid.addEventListener("focusin", ({ target }) => {
    const found = cells.findIndex((cell) => cell === target)
    if (found >= 0) stop(found)
  })
  grid.addEventListener("keydown", (event) => {
    const cell = cells[at]
    if (event.target !== cell || event.ctrlKey || event.altKey || event.metaKey) return
    const wide = cells.filter(({ offsetTop }) => offsetTop === cells[0].offsetTop).length
    const next = beside(event.key, at, wide, cells.length)
    if (next !== null) cells[next].focus()
    else if (event.key === "Enter" || event.key === " ") cell.click()
    else return
    event.preventDefault()
    event.stopPropagation()
  })
}

/**
 * Where a key leads from one of `count` cells in rows of `wide`; null: it is no key for that.
 * @param {string} key
 * @param {number} at
 * @param {number} wide
 * @param {number} count
 */
export function beside(key, at, wide, count) {
  /** @type {Record<string, number>} */
  const places = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + wide,
    ArrowUp: at - wide,
    Home: 0,
    End: count - 1,
  }
  const next = places[key]
  if (next === undefined) return null
  return next >= 0 && next < count ? next : at
}
