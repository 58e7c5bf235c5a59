import { all, on } from './page.js'

// A menu closes on Escape, which goes back to what opened it, and on a click beside it.
on('keydown', (e) => {
  const menu = e.key === 'Escape' && e.target.closest('details[data-menu][open]')
  if (!menu || document.querySelector('dialog[open]')) return
  menu.open = false
  menu.firstElementChild.focus()
})
on('click', (e) => {
  // A question over the page gives the focus back to where it was, which may be in the menu.
  for (const m of all('details[data-menu][open]')) if (!m.contains(e.target) && !e.target.closest('dialog')) m.open = false
})
