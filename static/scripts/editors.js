import { all, dirty, on } from './page.js'

const editors = () => [...all('form[data-editor]')]
const cancel = (f) => f.parentElement.querySelector('[data-cancel]')
// close puts the setting back as it stands; the focus stays where it is.
const close = (f) => htmx.ajax('GET', cancel(f).form.getAttribute('hx-get') + '?quiet=1', { target: f.parentElement, swap: 'outerHTML' })

// Escape is Cancel.
on('keydown', (e) => {
  if (e.key !== 'Escape' || document.querySelector('dialog[open]')) return
  const f = e.target.closest('form[data-editor]')
  if (f && !document.querySelector('[popover]:popover-open')) cancel(f)?.click()
})
on('htmx:afterSettle', (e) => {
  // A setting opened for editing closes those that were opened before and hold nothing typed.
  const f = e.detail.elt.querySelector?.('form[data-editor]')
  if (f) for (const other of editors()) if (other !== f && !dirty(other)) close(other)
  // After one's own change the other open editors go on from the version it made.
  const mine = document.getElementById('version')?.dataset.version
  if (mine) for (const v of all('form[data-editor] input[name=version]')) if (+v.value === mine - 1) v.value = mine
  const i = document.activeElement
  if (i.matches('form[data-editor] input[type=text]') && i.value) i.setSelectionRange(i.value.length, i.value.length)
})
