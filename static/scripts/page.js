// What every other script begins with.
export const all = (selector, root = document) => root.querySelectorAll(selector)
export const on = (event, run, capture) => document.addEventListener(event, run, capture)

// say lets a screen reader say a text.
export const say = (text) => { document.getElementById('announcer').textContent = text }

// dirty tells whether something was typed into a form that is not stored.
export const dirty = (f) => f.matches('[data-editor=typed], [data-typed]') || [...f.elements].some((i) => i.name && i.type !== 'hidden' && i.type !== 'submit' && (
  i.options ? ![...i.options].every((o) => o.selected === o.defaultSelected)
    : i.checked !== i.defaultChecked || i.value !== i.defaultValue))
