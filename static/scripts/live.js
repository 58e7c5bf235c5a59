import { all, on, say } from './page.js'
import { clock, times } from './times.js'
import { filled, words } from './words.js'

// Live parts: the stream says what changed, the page fetches the parts that show it. A part names what it shows in
// data-live ("connection:12 figures:*") and its own address in data-live-url; it holds no field that somebody types in.
const source = document.body.dataset.stream
const due = new Map() // id of a part -> when to fetch it
const fetched = new Map() // id of a part -> when it was fetched last
const bar = document.getElementById('gone')
const note = document.getElementById('paused')
let stream, failures = 0, poll, timer, seen, said = 0, later

const shows = (part, change) => part.dataset.live.split(' ').some((key) => {
  const [topic, id] = key.split(':')
  return topic === change.topic && (id === '*' || id === change.id)
})
const paused = () => document.body.dataset.paused !== undefined
// What is open stays, what is being pressed, and what was pressed and waits for its answer; what only has the focus gets it back.
const busy = (part) => part.querySelector('details[open], dialog[open], .htmx-request') || part.matches(':active')

// A change of state is said, the latest where several come within five seconds: nobody is talked over.
const announced = (text) => {
  clearTimeout(later)
  later = setTimeout(() => {
    said = Date.now()
    say(text)
  }, Math.max(0, said + 5000 - Date.now()))
}

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
    if (fresh && fresh.dataset.announce !== announce) announced(fresh.dataset.announce)
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
  else if (!bar.firstChild) bar.textContent = filled(words.gone, { at: clock(seen) })
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
  if (document.hidden || paused()) return close()
  failures = 0
  open()
}
// Paused, the page stays as it is and says since when; there is no stream. What changed meanwhile is fetched afterwards.
const since = (at) => {
  const t = note.querySelector('time')
  t.dateTime = at.toISOString()
  times(true, note)
}
const pause = () => {
  document.body.dataset.paused = ''
  close()
  due.clear()
  clearTimeout(later)
  failures = 0
  heard(true)
  since(new Date())
  note.hidden = false
  say(note.textContent)
}
const resume = () => {
  delete document.body.dataset.paused
  note.hidden = true
  mark()
  follow()
}
on('click', (e) => {
  if (!e.target.closest('[data-pause]')) return
  if (paused()) resume(); else pause()
  fetch('/preferences', { method: 'POST', headers: { 'HX-Request': 'true' }, body: new URLSearchParams({ live: paused() ? 'off' : 'on' }) }).catch(() => {})
})

on('htmx:afterRequest', (e) => {
  if (paused() || !e.detail.requestConfig?.headers['X-Boardlink-Live']) return
  const gone = bar.firstChild, { status } = e.detail.xhr
  heard(status > 0 && status < 500)
  if (gone && !bar.firstChild) open()
})
if (source && document.querySelector('[data-live]')) {
  on('htmx:beforeSwap', (e) => { // somebody has opened something in the part meanwhile
    const part = e.detail.target
    if (!e.detail.requestConfig.headers['X-Boardlink-Live'] || !(paused() || busy(part))) return
    e.detail.shouldSwap = false
    if (paused()) return
    due.set(part.id, Date.now() + 1000)
    schedule()
  })
  on('visibilitychange', follow)
  addEventListener('pagehide', close)
  addEventListener('pageshow', (e) => { if (e.persisted) follow() })
  if (paused()) since(new Date(performance.timeOrigin))
  follow()
}
