package api

import "boardlink/operation"

// ListCursor writes a place in a list of connections as the cursor of the page after it. The console's addresses hold the
// same cursors as the API's.
func ListCursor(f operation.Filter, p operation.Place) string {
	if p == (operation.Place{}) {
		return ""
	}
	return placeCursor{orderOf(f), p}.String()
}

// ListPlace reads such a cursor; ok is false where it is none of a list in this order.
func ListPlace(f operation.Filter, cursor string) (p operation.Place, ok bool) {
	return parsePlace(cursor, orderOf(f))
}
