import { all, on } from './page.js'

// The form of a new connection is checked by the server while it is filled in.
on('change', async (e) => {
  const f = e.target.closest('form[data-check]')
  if (!f || !e.target.name) return
  e.target.closest('[data-field]').dataset.touched = ''
  const answer = await fetch(f.dataset.check, { method: 'POST', body: new URLSearchParams(new FormData(f)) }).catch(() => {})
  if (!answer?.ok) return
  const wrong = await answer.json()
  for (const box of all('[data-touched]', f)) {
    const message = wrong[box.dataset.field] || ''
    box.querySelector('.error').textContent = message
    const control = box.querySelector('.control')
    if (!control) continue
    const input = control.firstElementChild
    control.classList.toggle('is-invalid', !!message)
    control.classList.toggle('is-valid', !message && !!input.value)
    if (message) input.setAttribute('aria-invalid', 'true'); else input.removeAttribute('aria-invalid')
  }
})
