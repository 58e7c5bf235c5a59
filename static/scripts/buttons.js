import { all, on, say } from './page.js'
import { words } from './words.js'

// The eye beside a password, and the button that copies.
on('click', (e) => {
  const b = e.target.closest('button')
  const d = b?.dataset
  if (d?.eye) {
    const i = document.getElementById(d.eye)
    const shown = i.type === 'password'
    i.type = shown ? 'text' : 'password'
    b.setAttribute('aria-pressed', shown)
  }
  if (d?.copy) {
    navigator.clipboard?.writeText(document.getElementById(d.copy).textContent).then(() => {
      const label = b.querySelector('span')
      label.textContent = words.copied
      say(words.copied)
      setTimeout(() => { label.textContent = words.copy }, 2000)
    })
  }
})
// A typed secret is never left readable.
on('submit', (e) => { for (const i of all('[data-eye]', e.target)) document.getElementById(i.dataset.eye).type = 'password' }, true)
