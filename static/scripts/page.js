// What every other script begins with.
export const all = (selector, root = document) => root.querySelectorAll(selector)
export const on = (event, run, capture) => document.addEventListener(event, run, capture)

// say lets a screen reader say a text.
export const say = (text) => { document.getElementById('announcer').textContent = text }
