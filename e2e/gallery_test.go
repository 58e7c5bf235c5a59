//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"

	"boardlink/views/gallery"
)

// TestGallery shows the sheet of all controls to axe in light and dark, wide and narrow, and the specimens by turns wide in
// light and narrow in dark. Most of them are states that no journey comes by.
func TestGallery(t *testing.T) {
	source, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	_, b := signedIn(t, true, "BOARDLINK_DEVELOPMENT=true")
	judge := func(path, scheme string, width int64) {
		t.Run(fmt.Sprintf("%s, %s, %d px", path, scheme, width), func(t *testing.T) {
			b.t = t
			b.open(path)
			b.find("heading", "*")
			b.eval(`scrollTo(0, 0)`) // what has half gone under the top bar is no target
			for _, v := range b.axe(string(source)) {
				for _, n := range v.Nodes {
					t.Errorf("%s: %s\n%s\n%s", v.ID, v.Help, n.HTML, n.Summary)
				}
			}
			b.uniqueIDs()
			b.fits(width)
		})
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 320} {
			b.scheme(scheme)
			b.size(width, 800)
			judge("/gallery", scheme, width)
			for i, s := range gallery.Specimens() {
				if i%2 == 0 && scheme == "light" && width == 1280 || i%2 == 1 && scheme == "dark" && width == 320 {
					judge("/gallery/"+s.Name, scheme, width)
				}
			}
		}
	}
	b.t = t
	b.quiet()
}
