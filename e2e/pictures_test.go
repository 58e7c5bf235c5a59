//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// pictureOf keeps a picture of what a selector finds, or of the window where it is "". Pictures of pages have few colours:
// at most 256 of them are kept, which makes the files a third as large.
func (b *browser) pictureOf(file, selector string) {
	b.t.Helper()
	params := page.CaptureScreenshotParams{}
	if selector != "" {
		var box string
		if err := json.Unmarshal([]byte(b.eval(`(() => {
			const part = document.querySelector('`+selector+`'), r = part.getBoundingClientRect(), edge = part.matches('main') ? 0 : 8
			return JSON.stringify({x: Math.floor(r.x + scrollX) - edge, y: Math.floor(r.y + scrollY) - edge, width: Math.ceil(r.width) + 2 * edge, height: Math.ceil(r.height) + 2 * edge, scale: 1})
		})()`)), &box); err != nil {
			b.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(box), &params.Clip); err != nil {
			b.t.Fatal(err)
		}
		yes := true
		params.CaptureBeyondViewport = &yes
	}
	small, err := fewColours(call(b, page.CaptureScreenshot, params).Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, small, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// fewColours writes a PNG anew with at most 256 of its colours; the others become the nearest of those.
func fewColours(data []byte) ([]byte, error) {
	whole, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	count := map[color.RGBA]int{}
	bounds := whole.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(whole.At(x, y)).(color.RGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	colours := make([]color.RGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { return count[b] - count[a] })
	var kept color.Palette
	for i, c := range colours {
		// The commonest are kept as they are; of the rest those that none of them comes near, such as an icon's.
		if len(kept) < 256 && (i < 128 || !near(kept, c)) {
			kept = append(kept, c)
		}
	}
	nearest := map[color.RGBA]uint8{}
	small := image.NewPaletted(bounds, kept)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			i, known := nearest[c]
			if !known {
				i = uint8(kept.Index(c))
				nearest[c] = i
			}
			small.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}

// near reports whether the palette has a colour that is hard to tell from c.
func near(p color.Palette, c color.RGBA) bool {
	n := p[p.Index(c)].(color.RGBA)
	apart := func(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }
	return max(apart(n.R, c.R), apart(n.G, c.G), apart(n.B, c.B)) < 10
}

func TestPictures_keep_their_colours_where_there_are_few(t *testing.T) {
	drawn := image.NewRGBA(image.Rect(0, 0, 4, 2))
	want := []color.RGBA{{R: 10, A: 255}, {G: 200, A: 255}, {B: 30, A: 255}}
	for i := range 8 {
		drawn.SetRGBA(i%4, i/4, want[i%3])
	}
	var data bytes.Buffer
	if err := png.Encode(&data, drawn); err != nil {
		t.Fatal(err)
	}
	small, err := fewColours(data.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if c := color.RGBAModel.Convert(got.At(i%4, i/4)); c != want[i%3] {
			t.Errorf("pixel %d is %v, want %v", i, c, want[i%3])
		}
	}
}
