package layout

import "boardlink/views/ui"

const systemTheme = "system"

// themeOption is one theme to choose; its label is the message layout.theme.<value>.
type themeOption struct {
	value string
	icon  ui.Icon
}

func themes() []themeOption {
	return []themeOption{{systemTheme, ui.IconScreen}, {"light", ui.IconSun}, {"dark", ui.IconMoon}}
}

// is reports whether a page with that theme has this one.
func (o themeOption) is(theme string) bool {
	return o.value == theme || o.value == systemTheme && theme == ""
}
