import { all, dirty, on } from './page.js'

// What was typed and is not stored is not lost unasked: neither when the page is left nor when another setting is opened.
const typed = (selector) => [...all(selector)].find(dirty)
let leaving // by a form of the page, or by its Cancel
on('submit', (e) => { leaving = !e.defaultPrevented })
on('click', (e) => { if (e.target.closest('[data-leave]')) leaving = true })
addEventListener('pageshow', () => { leaving = false })
addEventListener('beforeunload', (e) => { if (!leaving && typed('form[data-editor], form[data-check]')) e.preventDefault() })
on('htmx:confirm', (e) => {
  const f = e.detail.verb === 'get' && e.detail.path.includes('/edit/') && typed('form[data-editor]')
  if (!f) return
  if (confirm(f.dataset.unsaved)) {
    f.reset()
    f.dataset.editor = '' // as one in which nothing was typed, it closes when the other one has opened
  } else {
    e.preventDefault()
    f.querySelector('.input, input:not([type=hidden])').focus()
  }
})
