package gallery

import (
	"slices"
	"time"

	"boardlink/views/ui"

	"github.com/a-h/templ"
)

// part is a section of the sheet.
type part struct {
	ID, Title string
	Draw      func(now time.Time) templ.Component
}

func parts() []part {
	return []part{
		{"fields", "Fields", fieldsPart},
		{"settings", "Settings in their place", settingsPart},
		{"buttons", "Buttons", buttonsPart},
		{"states", "States of a link", statesPart},
		{"messages", "Toasts", toastsPart},
		{"charts", "Charts", chartsPart},
		{"times", "Times", timesPart},
		{"lists", "Lists", listsPart},
		{"banners", "Hints and reasons", bannersPart},
		{"specimens", "Whole pages", specimensPart},
	}
}

// toasts is one of each kind.
func toasts() []ui.Toast {
	return []ui.Toast{
		{Kind: ui.ToastSuccess, Title: "Update done", Text: "Connection 'North' has been updated"},
		{Kind: ui.ToastSuccess, Title: "A title alone"},
		{Kind: ui.ToastError, Title: "That did not work", Text: "Boardlink could not be reached, or could not answer. Try again."},
	}
}

// groups are the headings of the specimens, in their order.
func groups() []string {
	var all []string
	for _, s := range Specimens() {
		if !slices.Contains(all, s.Group) {
			all = append(all, s.Group)
		}
	}
	return all
}
