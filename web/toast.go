package web

import (
	"encoding/json"
	"fmt"

	"boardlink/views/ui"

	"github.com/labstack/echo/v4"
)

// Toast is a message that tells what just happened.
type Toast = ui.Toast

// Success makes the green toast: Success("Update done", "Connection 'North' has been updated").
func Success(title, text string) Toast {
	return Toast{Kind: ui.ToastSuccess, Title: title, Text: text}
}

// Failed makes the red toast.
func Failed(title, text string) Toast {
	return Toast{Kind: ui.ToastError, Title: title, Text: text}
}

const (
	toastsKey = "toasts"
	maxToasts = 3 // beyond them the oldest go: nobody reads a pile
)

// keepToasts adds to what the next full page shows. Where nobody is signed in there is nowhere to keep them (a stranger
// should not fill the store of sessions), and they are dropped: what they say must stand on the page as well.
func keepToasts(c echo.Context, toasts []Toast) error {
	s := sessionOf(c)
	if len(toasts) == 0 || s == nil || !Who(c).Known() {
		return nil
	}
	kept := append(storedToasts(s.Values[toastsKey]), toasts...)
	if len(kept) > maxToasts {
		kept = kept[len(kept)-maxToasts:]
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	s.Values[toastsKey] = string(text)
	if err := s.Save(c.Request(), c.Response()); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return nil
}

// takeToasts gives what is to be shown, once.
func takeToasts(c echo.Context) ([]Toast, error) {
	s := sessionOf(c)
	if s == nil {
		return nil, nil
	}
	toasts := storedToasts(s.Values[toastsKey])
	if len(toasts) == 0 {
		return nil, nil
	}
	delete(s.Values, toastsKey)
	if err := s.Save(c.Request(), c.Response()); err != nil {
		return nil, fmt.Errorf("save session: %w", err)
	}
	return toasts, nil
}

func storedToasts(value any) []Toast {
	text, _ := value.(string)
	var toasts []Toast
	if text == "" || json.Unmarshal([]byte(text), &toasts) != nil {
		return nil
	}
	return toasts
}
