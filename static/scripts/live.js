import { all, on, say } from './page.js'
import { clock } from './times.js'

// Live parts: the stream says what changed, the page fetches the parts that show it. A part names what it shows in
// data-live ("connection:12 figures:*") and its own address in data-live-url; it holds no field that somebody types in.
const source = document.body.dataset.stream
const due = new Map() // id of a part -> when to fetch it
const fetched = new Map() // id of a part -> when it was fetched last
const bar = document.getElementById('gone')
let stream, failures = 0, poll, timer, seen

const shows = (part, change) => part.dataset.live.split(' ').some((key) => {
  const [topic, id] = key.split(':')
  return topic === change.topic && (id === '*' || id === change.id)
})
// What is open stays, and what is being pressed; what only has the focus gets it back.
const busy = (part) => part.querySelector('details[open], dialog[open]') || part.matches(':active')

const load = (part) => {
  const { id, dataset: { announce, liveUrl } } = part
  const { tagName, textContent } = document.activeElement
  const focused = part.contains(document.activeElement) ? [...all(tagName, part)].indexOf(document.activeElement) : -1
  fetched.set(id, Date.now())
  htmx.ajax('GET', liveUrl, { source: part, target: part, swap: 'outerHTML', headers: { 'X-Boardlink-Live': '1' } }).then(() => {
    const fresh = document.getElementById(id)
    if (focused >= 0 && document.activeElement === document.body) {
      const same = all(tagName, fresh)[focused]
      const other = !same || (tagName === 'BUTTON' && same.textContent !== textContent) // pressed, it would do something else
      ;(other ? fresh.querySelector('[tabindex="-1"]') : same)?.focus({ preventScroll: true })
    }
    if (fresh?.dataset.announce !== announce) say(fresh.dataset.announce)
  }, () => {})
}
const refresh = () => {
  const now = Date.now()
  for (const [id, at] of due) {
    const part = document.getElementById(id)
    if (at > now) continue
    if (part && busy(part)) { due.set(id, now + 1000); continue }
    due.delete(id)
    if (part) load(part)
  }
  schedule()
}
const schedule = () => {
  clearTimeout(timer)
  if (due.size) timer = setTimeout(refresh, Math.max(0, Math.min(...due.values()) - Date.now()))
}
// A state is shown at once, figures once a second.
const mark = (changes) => {
  for (const part of all('[data-live]')) {
    const mine = changes?.filter((c) => shows(part, c))
    if (mine && !mine.length) continue
    const pause = mine?.some((c) => c.topic === 'connection') ? 250 : 1000
    const at = Math.max(Date.now() + 20, (fetched.get(part.id) || 0) + pause)
    due.set(part.id, Math.min(at, due.get(part.id) || Infinity))
  }
  schedule()
}

// Boardlink answers, or it does not and the page says how old it is.
const heard = (answers) => {
  if (answers || failures < 3) bar.textContent = ''
  else if (!bar.firstChild) bar.textContent = `Boardlink does not answer. What you see is from ${clock(seen)}.`
}
const close = () => {
  stream?.close()
  clearInterval(poll)
  stream = poll = undefined
}
const open = () => {
  close()
  stream = new EventSource(source)
  stream.onopen = () => { // what changed before is not told
    failures = 0
    heard(true)
    mark()
  }
  stream.addEventListener('change', (e) => mark(JSON.parse(e.data)))
  stream.onerror = () => {
    if (!failures) seen = new Date()
    if (++failures < 3 && stream.readyState !== 2) return // the browser tries again by itself
    close()
    failures = Math.max(failures, 3)
    mark()
    poll = setInterval(() => { mark(); if (++failures % 6 === 0) open() }, 10000)
  }
}
// One stream for each tab that is looked at: browsers allow few connections to one server.
const follow = () => {
  if (document.hidden) return close()
  failures = 0
  open()
}
on('htmx:afterRequest', (e) => {
  if (!e.detail.requestConfig?.headers['X-Boardlink-Live']) return
  const gone = bar.firstChild, { status } = e.detail.xhr
  heard(status > 0 && status < 500)
  if (gone && !bar.firstChild) open()
})
if (source && document.querySelector('[data-live]')) {
  on('htmx:beforeSwap', (e) => { // somebody has opened something in the part meanwhile
    const part = e.detail.target
    if (!e.detail.requestConfig.headers['X-Boardlink-Live'] || !busy(part)) return
    e.detail.shouldSwap = false
    due.set(part.id, Date.now() + 1000)
    schedule()
  })
  on('visibilitychange', follow)
  addEventListener('pagehide', close)
  addEventListener('pageshow', (e) => { if (e.persisted) follow() })
  follow()
}
