import { on } from './page.js'

// What a field means is told while its button is pointed at or has the focus. A click opens it by HTML alone. It stays while
// the pointer is on it or on its way there.
let closing
const about = (e) => e.target.closest?.('.help, .help-text')
const come = (e) => {
  const part = about(e)
  if (!part) return
  clearTimeout(closing)
  part.popoverTargetElement?.togglePopover({ force: true, source: part })
}
const leave = (e) => {
  const part = about(e)
  if (!part || e.pointerType === 'touch' || (e.type === 'pointerout' && part === document.activeElement)) return
  // Where the focus goes may lie under it, so it gives way at once.
  closing = setTimeout(() => (part.popoverTargetElement || part).hidePopover(), e.type === 'focusout' ? 0 : 200)
}
on('pointerover', come)
on('focusin', come)
on('pointerout', leave)
on('focusout', leave)
