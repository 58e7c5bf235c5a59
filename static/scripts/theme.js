import { on } from './page.js'

// A theme that was chosen shows at once; the server has told the browser to remember it.
on('preference', ({ detail: { theme } }) => {
  if (!theme) return
  const system = theme === 'system'
  if (system) delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  document.querySelector('meta[name=color-scheme]').content = system ? 'light dark' : theme
})
