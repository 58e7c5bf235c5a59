// Package layout holds the frame of every page: head, top bar, navigation, toasts.
package layout
