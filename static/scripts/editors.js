import { all, on } from './page.js'

const editors = () => [...all('form[data-editor]')]
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
on('htmx:afterSettle', (e) => {
  // A setting opened for editing closes those that were opened before and hold nothing typed.
  const f = e.detail.elt.querySelector?.('form[data-editor]')
  if (f) for (const other of editors()) if (other !== f && !dirty(other)) cancel(other)?.click()
  // After one's own change the other open editors go on from the version it made.
  const mine = document.getElementById('version')?.dataset.version
  if (mine) for (const v of all('form[data-editor] input[name=version]')) if (+v.value === mine - 1) v.value = mine
  const i = document.activeElement
  if (i.matches('form[data-editor] input[type=text]') && i.value) i.setSelectionRange(i.value.length, i.value.length)
})
