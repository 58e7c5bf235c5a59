import { all, on } from './page.js'

const toasts = document.getElementById('toasts')

// A success leaves after eight seconds in which nobody looked at it.
const start = (t) => {
  let left = 8
  const tick = setInterval(() => {
    if (!document.hidden && !t.matches(':hover, :focus-within') && --left <= 0) t.remove()
    if (!t.isConnected) clearInterval(tick)
  }, 1000)
}
// They give way to what has the focus.
const place = () => {
  if (!toasts?.firstElementChild) return
  toasts.classList.remove('aside')
  const t = toasts.getBoundingClientRect(), f = document.activeElement.getBoundingClientRect()
  toasts.classList.toggle('aside', document.activeElement !== document.body && f.right > t.left && f.left < t.right && f.bottom > t.top && f.top < t.bottom)
}
on('focusin', () => requestAnimationFrame(place))
on('scroll', place)
on('click', (e) => { e.target.closest('[data-close]')?.closest('.toast').remove() })
if (toasts) {
  const tidy = () => {
    for (const old of [...all('[data-toast]', toasts)].slice(1)) old.remove() // one success at a time
    for (const old of [...toasts.children].slice(3)) old.remove()
    place()
  }
  for (const t of all('[data-toast]', toasts)) start(t)
  new MutationObserver((list) => {
    for (const m of list) for (const n of m.addedNodes) if (n.dataset?.toast !== undefined) start(n)
    tidy()
  }).observe(toasts, { childList: true })
  requestAnimationFrame(tidy)
}

// What somebody asked for and did not get is said. What a live part asked for by itself is not: live.js sees to that.
const failed = (e) => {
  const x = e.detail.xhr
  if (!toasts || x?.getResponseHeader('HX-Redirect') || e.detail.requestConfig?.headers['X-Boardlink-Live']) return
  const t = document.getElementById('failed-toast').content.cloneNode(true)
  if (x?.getResponseHeader('Content-Type')?.startsWith('text/plain') && x.responseText) t.querySelector('p').textContent = x.responseText
  toasts.prepend(t)
}
on('htmx:responseError', failed)
on('htmx:sendError', failed)
