import { all, on } from './page.js'

// Dialogs that came as a fragment open as modal ones; one that a page brought open becomes one, so that Escape answers it.
on('htmx:afterSettle', () => {
  for (const d of all('dialog[data-modal]:not([open])')) d.showModal()
})
for (const d of all('dialog[open]')) {
  d.close()
  d.showModal()
}
on('htmx:beforeSwap', (e) => {
  // What is said while a modal dialog is open is not read out: close it first.
  for (const d of all('dialog[data-modal][open]', e.detail.target)) d.close()
})
// A question over the page is done with once it is closed: what the page loads later must not open it again.
on('close', (e) => { if (e.target.matches('#modal > dialog')) e.target.remove() }, true)
// Escape in the question is its Cancel, so that the editor comes back with what was typed.
on('cancel', (e) => {
  const back = e.target.querySelector?.('[value=back]')
  if (back) { e.preventDefault(); back.click() }
}, true)
on('click', (e) => { e.target.closest('[data-close-dialog]')?.closest('dialog').close() })
