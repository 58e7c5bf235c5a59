import { all, on } from './page.js'
import { counted, words } from './words.js'

// Times, in the words of views/ui/words.go and in the reader's zone.
const said = words.times
const units = [[31536e3, 'year'], [86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']]
const relative = (seconds, kind) => {
  const s = Math.abs(seconds)
  const [size, unit] = units.find(([n]) => s >= n) || [1, 'second']
  const count = (table) => counted(table[unit], Math.floor(s / size))
  if (kind === 'until') return seconds > -1 ? said.now : count(said.in)
  if (kind === 'for') return seconds < 1 ? said.forMoment : count(said.for)
  if (seconds > -1 && seconds < 5) return said.momentAgo
  return count(seconds < 0 ? said.in : said.ago)
}
const two = (n) => String(n).padStart(2, '0')
export const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`

// times writes those within root anew: every one, or those alone that count seconds.
export const times = (every, root = document) => {
  for (const t of all('time[data-ago], time[data-clock]', root)) {
    const at = new Date(t.dateTime)
    if (isNaN(at)) continue
    if (t.dataset.clock !== undefined) {
      t.textContent = at.toDateString() === new Date().toDateString() ? clock(at) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(at)}`
    } else if (every || t.dataset.ago) t.textContent = relative((Date.now() - at) / 1000, t.dataset.ago)
    t.title = at.toLocaleString()
  }
}
let seconds = 0
setInterval(() => {
  // While live updates are paused times stand still too: the page is one of that moment.
  if (!document.hidden && document.body.dataset.paused === undefined) times(++seconds % 30 === 0)
}, 1000)
on('htmx:afterSettle', (e) => times(false, e.detail.elt))
times(true)
