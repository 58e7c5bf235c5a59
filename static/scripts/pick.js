import { all, on } from './page.js'
import { counted, words } from './words.js'

// Several chosen at once.
on('change', (e) => {
  const f = e.target.closest('form[data-pick]')
  if (!f) return
  const one = e.target, boxes = [...all('[name=id]', f)]
  if (!one.name) for (const b of boxes) b.checked = one.checked
  const n = boxes.filter((b) => b.checked).length
  f.querySelector('[data-pick-all]').checked = n === boxes.length
  f.querySelector('[data-picked]').textContent = n ? counted(words.selected, n) : ''
})
