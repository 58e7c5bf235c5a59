// Package ui holds the controls of the console: fields, buttons, badges, dialogs, toasts, tables and charts. A control
// takes one model and knows nothing of the page it stands on.
package ui
