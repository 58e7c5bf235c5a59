// Package shortcuts tells which keys do what. static/scripts/shortcuts.js does it.
package shortcuts

// shortcut is one row of the sheet.
type shortcut struct {
	keys []string // to be pressed one after the other
	does string   // what happens: a message of the table shortcuts.does
}

type group struct {
	where string // a message of the table shortcuts.where
	rows  []shortcut
}

func groups() []group {
	return []group{
		{"anywhere", []shortcut{
			{[]string{"/"}, "search"},
			{[]string{"?"}, "sheet"},
			{[]string{"g", "d"}, "dashboard"},
			{[]string{"g", "c"}, "connections"},
			{[]string{"g", "e"}, "events"},
			{[]string{"n"}, "new"},
			{[]string{"Esc"}, "cancel"},
		}},
		{"connection", []shortcut{
			{[]string{"e"}, "edit"},
			{[]string{"t"}, "test"},
			{[]string{"r"}, "retry"},
		}},
	}
}
