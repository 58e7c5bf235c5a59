// Live parts: the stream says what changed, the page fetches the parts that show it. A part names what it shows in
// data-live ("connection:12 figures:*") and its own address in data-live-url; it holds no field that somebody types in.
{
  const pause = 1000 // between two fetches of one part, milliseconds
  const source = document.body.dataset.stream
  const due = new Set()
  let stream, failures = 0, poll, timer, last = 0

  const shows = (part, change) => part.dataset.live.split(' ').some((key) => {
    const [topic, id] = key.split(':')
    return topic === change.topic && (id === '*' || id === change.id)
  })
  const links = (part) => [...all('a', part)]
  const busy = (part) => part.querySelector('details[open], dialog[open]') ||
    (part.contains(document.activeElement) && !document.activeElement.matches('a'))

  const refresh = () => {
    timer = 0
    last = Date.now()
    for (const id of due) {
      const part = document.getElementById(id)
      if (part && busy(part)) continue
      due.delete(id)
      if (!part) continue
      const before = part.dataset.announce
      const focused = links(part).indexOf(document.activeElement)
      htmx.ajax('GET', part.dataset.liveUrl, { source: part, target: part, swap: 'outerHTML', headers: { 'X-Boardlink-Live': '1' } })
        .then(() => {
          const fresh = document.getElementById(id)
          if (focused >= 0 && document.activeElement === document.body) links(fresh)[focused]?.focus({ preventScroll: true })
          if (fresh?.dataset.announce !== before) say(fresh.dataset.announce)
        }, () => {})
    }
    if (due.size) schedule()
  }
  const schedule = () => { timer ||= setTimeout(refresh, Math.max(50, last + pause - Date.now())) }
  const mark = (changes) => {
    for (const part of all('[data-live]')) if (!changes || changes.some((c) => shows(part, c))) due.add(part.id)
    if (due.size) schedule()
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
      mark()
    }
    stream.addEventListener('change', (e) => mark(JSON.parse(e.data)))
    stream.onerror = () => {
      if (++failures < 3 && stream.readyState !== 2) return // the browser tries again by itself
      close()
      poll = setInterval(() => { mark(); if (++failures % 6 === 0) open() }, 10000)
    }
  }
  // One stream for each tab that is looked at: browsers allow few connections to one server.
  const follow = () => {
    if (document.hidden) return close()
    failures = 0
    open()
  }
  if (source && document.querySelector('[data-live]')) {
    on('htmx:beforeSwap', (e) => { // somebody has opened something in the part meanwhile
      const part = e.detail.target
      if (!e.detail.requestConfig.headers['X-Boardlink-Live'] || !busy(part)) return
      e.detail.shouldSwap = false
      due.add(part.id)
      schedule()
    })
    on('visibilitychange', follow)
    addEventListener('pagehide', close)
    addEventListener('pageshow', (e) => { if (e.persisted) follow() })
    follow()
  }
}
