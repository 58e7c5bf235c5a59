import { all, on } from './page.js'

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
export const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
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
