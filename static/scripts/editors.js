import { all, on } from './page.js'
import { filled, words } from './words.js'

const editors = () => [...all('form[data-editor]')]
// dirty reports whether a form holds something typed that would be lost.
const dirty = (f) => f.dataset.editor === 'typed' || [...f.elements].some((i) => i.name && i.type !== 'hidden' && i.type !== 'submit' && (
  i.options ? ![...i.options].every((o) => o.selected === o.defaultSelected)
    : i.checked !== i.defaultChecked || i.value !== i.defaultValue))
const cancel = (f) => f.parentElement.querySelector('[data-cancel]')

// Escape is Cancel.
on('keydown', (e) => {
  if (e.key !== 'Escape' || document.querySelector('dialog[open]')) return
  const f = e.target.closest('form[data-editor]')
  if (f && !document.querySelector('[popover]:popover-open')) cancel(f)?.click()
})
on('htmx:afterSettle', () => {
  const i = document.activeElement
  if (i.matches('form[data-editor] input[type=text]') && i.value) i.setSelectionRange(i.value.length, i.value.length)
})

// One setting is edited at a time. Opening another closes the one before; where it holds something typed, that is asked.
const close = (f) => {
  const button = cancel(f), form = button.form
  return htmx.ajax('GET', form.getAttribute('hx-get'), { source: form, target: form.getAttribute('hx-target'), swap: 'outerHTML' })
}
const named = (f) => f.querySelector('.label > :first-child')?.firstChild.textContent.trim() || ''
on('htmx:confirm', (e) => {
  const others = editors()
  if (!others.length || !e.detail.elt.matches('form[hx-get*="/edit/"]')) return
  e.preventDefault()
  const unsaved = others.find(dirty)
  if (unsaved && !confirm(filled(words.unsaved, { field: named(unsaved) }))) {
    unsaved.querySelector('input:not([type=hidden]), textarea, select')?.focus()
    return
  }
  Promise.all(others.map(close)).then(() => e.detail.issueRequest(true), () => {})
})

// Leaving the page asks too, unless it is the form itself that leaves.
let sent
on('submit', (e) => { if (!e.defaultPrevented) sent = e.target })
addEventListener('beforeunload', (e) => {
  if ([...all('form[data-editor], form[data-check]')].some((f) => f !== sent && dirty(f))) e.preventDefault()
  sent = undefined
})
