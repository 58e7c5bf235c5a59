package ui

// ToastKind says how a message is meant.
type ToastKind string

// The kinds of toasts. A success goes away by itself; an error stays until somebody closes it.
const (
	ToastSuccess ToastKind = "success"
	ToastError   ToastKind = "error"
)

// Toast is a message that tells what just happened: "Update done", "Connection 'North' has been updated".
type Toast struct {
	Kind  ToastKind
	Title string
	Text  string
}
