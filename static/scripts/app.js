// What pages do beyond HTML and htmx. Everything works without it, but for the live parts. Each file holds one idea;
// `make generate` makes static/app.min.js of them.
import './dialogs.js'
import './menus.js'
import './editors.js'
import './unsaved.js'
import './help.js'
import './toasts.js'
import './buttons.js'
import './check.js'
import './pick.js'
import './times.js'
import './live.js'
