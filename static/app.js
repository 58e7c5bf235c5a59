// What pages do beyond HTML and htmx. Everything works without it.
'use strict'
const all = (selector, root = document) => root.querySelectorAll(selector)
const on = (event, run, capture) => document.addEventListener(event, run, capture)

// Dialogs that came as a fragment open as modal ones; one that a page brought open becomes one, so that Escape answers it.
const openDialogs = () => {
  for (const d of all('dialog[data-modal]:not([open])')) d.showModal()
}
on('htmx:afterSettle', openDialogs)
for (const d of all('dialog[open]')) {
  d.close()
  d.showModal()
}
on('htmx:beforeSwap', (e) => {
  // What is said while a modal dialog is open is not read out: close it first.
  for (const d of all('dialog[data-modal][open]', e.detail.target)) d.close()
})
// Escape in the question is its Cancel, so that the editor comes back with what was typed.
on('cancel', (e) => {
  const back = e.target.querySelector?.('[value=back]')
  if (back) { e.preventDefault(); back.click() }
}, true)

// Editors.
const editors = () => [...all('form[data-editor]')]
const dirty = (f) => f.dataset.editor === 'typed' || [...f.elements].some((i) => i.name && i.type !== 'hidden' && i.type !== 'submit' && (
  i.options ? ![...i.options].every((o) => o.selected === o.defaultSelected)
    : i.checked !== i.defaultChecked || i.value !== i.defaultValue))
const cancel = (f) => f.parentElement.querySelector('[data-cancel]')
on('keydown', (e) => {
  if (e.key !== 'Escape' || document.querySelector('dialog[open]')) return
  const menu = e.target.closest('details[data-menu][open]')
  if (menu) {
    menu.open = false
    menu.firstElementChild.focus()
  }
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

// Toasts: a success leaves after eight seconds in which nobody looked at it.
const startToast = (t) => {
  let left = 8
  const tick = setInterval(() => {
    if (!document.hidden && !t.matches(':hover, :focus-within') && --left <= 0) t.remove()
    if (!t.isConnected) clearInterval(tick)
  }, 1000)
}
const toasts = document.getElementById('toasts')
// They give way to what has the focus.
const place = () => {
  if (!toasts?.firstElementChild) return
  toasts.classList.remove('aside')
  const t = toasts.getBoundingClientRect(), f = document.activeElement.getBoundingClientRect()
  toasts.classList.toggle('aside', document.activeElement !== document.body && f.right > t.left && f.left < t.right && f.bottom > t.top && f.top < t.bottom)
}
on('focusin', () => requestAnimationFrame(place))
on('scroll', place)
if (toasts) {
  const tidy = () => {
    for (const old of [...all('[data-toast]', toasts)].slice(1)) old.remove() // one success at a time
    for (const old of [...toasts.children].slice(3)) old.remove()
    place()
  }
  for (const t of all('[data-toast]', toasts)) startToast(t)
  new MutationObserver((list) => {
    for (const m of list) for (const n of m.addedNodes) if (n.dataset?.toast !== undefined) startToast(n)
    tidy()
  }).observe(toasts, { childList: true })
  requestAnimationFrame(tidy)
}
const failed = (e) => {
  const x = e.detail.xhr
  if (!toasts || x?.getResponseHeader('HX-Redirect') || e.detail.requestConfig?.headers['X-Boardlink-Live']) return
  const t = document.getElementById('failed-toast').content.cloneNode(true)
  if (x?.getResponseHeader('Content-Type')?.startsWith('text/plain') && x.responseText) t.querySelector('p').textContent = x.responseText
  toasts.prepend(t)
}
on('htmx:responseError', failed)
on('htmx:sendError', failed)

on('click', (e) => {
  const b = e.target.closest('button')
  const d = b?.dataset
  if (d?.close !== undefined) b.closest('.toast').remove()
  if (d?.closeDialog !== undefined) b.closest('dialog').close()
  if (d?.eye) {
    const i = document.getElementById(d.eye)
    const shown = i.type === 'password'
    i.type = shown ? 'text' : 'password'
    b.setAttribute('aria-pressed', shown)
  }
  if (d?.copy) {
    navigator.clipboard?.writeText(document.getElementById(d.copy).textContent).then(() => {
      const label = b.querySelector('span')
      label.textContent = 'Copied'
      say('Copied')
      setTimeout(() => { label.textContent = 'Copy' }, 2000)
    })
  }
  for (const m of all('details[data-menu][open]')) if (!m.contains(e.target)) m.open = false
})
// A typed secret is never left readable.
on('submit', (e) => { for (const i of all('[data-eye]', e.target)) document.getElementById(i.dataset.eye).type = 'password' }, true)

const say = (text) => { document.getElementById('announcer').textContent = text }

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

// Several chosen at once.
on('change', (e) => {
  const f = e.target.closest('form[data-pick]')
  if (!f) return
  const one = e.target, boxes = [...all('[name=id]', f)]
  if (!one.name) for (const b of boxes) b.checked = one.checked
  const n = boxes.filter((b) => b.checked).length
  f.querySelector('[data-pick-all]').checked = n === boxes.length
  f.querySelector('[data-picked]').textContent = n ? n + ' selected' : ''
})

// Times, in the words of views/ui/format.go and in the reader's zone.
const units = [[31536e3, 'year'], [86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']]
const relative = (seconds, kind) => {
  const s = Math.abs(seconds)
  const [size, name] = units.find(([n]) => s >= n) || [1, 'second']
  const n = Math.floor(s / size)
  const span = `${n.toLocaleString('en')} ${name}${n === 1 ? '' : 's'}`
  if (kind === 'until') return seconds > -1 ? 'now' : 'in ' + span
  if (kind === 'for') return seconds < 1 ? 'for a moment' : 'for ' + span
  if (seconds > -1 && seconds < 5) return 'a moment ago'
  return seconds < 0 ? 'in ' + span : span + ' ago'
}
const two = (n) => String(n).padStart(2, '0')
const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
const times = (every) => {
  for (const t of all('time[data-ago], time[data-clock]')) {
    const at = new Date(t.dateTime)
    if (t.dataset.clock !== undefined) {
      t.textContent = at.toDateString() === new Date().toDateString() ? clock(at) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(at)}`
    } else if (every || t.dataset.ago) t.textContent = relative((Date.now() - at) / 1000, t.dataset.ago)
    t.title = at.toLocaleString()
  }
}
let seconds = 0
setInterval(() => { if (!document.hidden) times(++seconds % 30 === 0) }, 1000)
on('htmx:afterSettle', () => times(false))
times(true)
