import { on } from './page.js'

// Single keys, as views/shortcuts lists them. Each does what a link or a button on the page does.
const targets = {
  '?': '[data-sheet]',
  'g d': 'nav a[href="/"]',
  'g c': 'nav a[href="/connections"]',
  'g e': 'nav a[href="/events"]',
  n: 'nav a[href="/connections/new"]',
  e: 'main button[id^=edit-]',
  t: '#test form button',
  r: '#state-card button[value=retry]'
}
const search = () => {
  const field = document.querySelector('main input[type=search]')
  if (field) field.focus()
  else location.assign('/connections#q')
}
let first, at // the first key of two, and when it was pressed

on('preference', ({ detail: { shortcuts } }) => { if (shortcuts) document.body.dataset.shortcuts = shortcuts })
on('keydown', (e) => {
  const { key, target } = e
  if (e.defaultPrevented || e.isComposing || e.repeat || e.ctrlKey || e.altKey || e.metaKey || key === 'Shift') return
  if (document.body.dataset.shortcuts === 'off' || !document.querySelector('nav')) return
  if (target.closest('input, textarea, select, [contenteditable]') || document.querySelector('dialog[open]')) return
  const pressed = first && Date.now() - at < 2000 ? first + ' ' + key : key
  first = undefined
  if (pressed === 'g') {
    first = key
    at = Date.now()
  } else if (pressed === '/') {
    e.preventDefault() // the key itself is not to be typed
    search()
  } else if (targets[pressed]) {
    const to = document.querySelector(targets[pressed])
    if (to) {
      e.preventDefault()
      to.click()
    }
  }
})
