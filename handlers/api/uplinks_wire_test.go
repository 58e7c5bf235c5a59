package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/handlers/api"
)

// post writes what no ordinary client would, and reads the answer. The connection is closed with the test.
func (w *world) post(t *testing.T, write string) *http.Response {
	t.Helper()
	conn := w.wire(t)
	if _, err := io.WriteString(conn, write); err != nil {
		t.Fatal(err)
	}
	return answerOf(t, conn)
}

func (w *world) wire(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.site.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func answerOf(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodPost})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // what it says is for people
	_ = resp.Body.Close()
	return resp
}

func head(more ...string) string {
	lines := append([]string{"POST /connections/1/uplinks HTTP/1.1", "Host: x", "X-Boardlink-Key: uplink-key-1", "Content-Type: application/json"}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func TestUplinks_on_the_wire(t *testing.T) {
	length := fmt.Sprintf("Content-Length: %d", len(uplink))
	const chunked = "Transfer-Encoding: chunked"
	for name, c := range map[string]struct {
		write  string
		status int
		taken  int
	}{
		"with its length":            {head(length) + uplink, 200, 1},
		"in chunks":                  {head(chunked) + chunk(uplink[:9]) + chunk(uplink[9:]) + "0\r\n\r\n", 200, 1},
		"in chunks, with a trailer":  {head(chunked) + chunk(uplink) + "0\r\nX-A: b\r\n\r\n", 200, 1},
		"too long in chunks":         {head(chunked) + strings.Repeat(chunk(strings.Repeat("x", 32<<10)), 8) + chunk("x") + "0\r\n\r\n", 413, 0},
		"too long by its length":     {head("Content-Length: 99999999999"), 413, 0},
		"a length of minus one":      {head("Content-Length: -1"), 400, 0},
		"a length that is no number": {head("Content-Length: 0x10"), 400, 0},
		"a length beyond all":        {head("Content-Length: 99999999999999999999"), 400, 0},
		"two lengths":                {head(length, "Content-Length: 5") + uplink, 400, 0},
		"two lengths in one":         {head("Content-Length: 5, 6") + uplink, 400, 0},
		"a chunk without a size":     {head(chunked) + "x\r\n", 400, 0},
		"a chunk of a wrong size":    {head(chunked) + "5\r\n" + uplink + "\r\n0\r\n\r\n", 400, 0},
		"a coding that is unknown":   {head("Transfer-Encoding: gzip") + uplink, 501, 0},
		"two codings":                {head(chunked, "Transfer-Encoding: identity") + chunk(uplink) + "0\r\n\r\n", 501, 0},
		"very many headers":          {head(strings.TrimSuffix(strings.Repeat("X-A: b\r\n", 20_000), "\r\n")), 431, 0},
		"a very long header":         {head("X-A: " + strings.Repeat("b", 64<<10)), 431, 0},
		"no such expectation":        {head("Expect: 200-ok", length) + uplink, 417, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if got := w.post(t, c.write); got.StatusCode != c.status {
				t.Errorf("%d, want %d", got.StatusCode, c.status)
			}
			w.uplinks.mu.Lock()
			defer w.uplinks.mu.Unlock()
			if len(w.uplinks.got) != c.taken || c.taken == 1 && w.uplinks.got[0] != "1  "+uplink {
				t.Errorf("taken %.200q", w.uplinks.got)
			}
		})
	}
}

// A body that is shorter than it was said to be is none, also where it would be a document.
func TestUplinks_that_break_off_are_not_taken(t *testing.T) {
	for name, write := range map[string]string{
		"before its length": head(fmt.Sprintf("Content-Length: %d", len(uplink)+5)) + uplink,
		"within the chunks": head("Transfer-Encoding: chunked") + chunk(uplink),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			conn := w.wire(t)
			if _, err := io.WriteString(conn, write); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got := answerOf(t, conn); got.StatusCode != http.StatusBadRequest {
				t.Errorf("%d", got.StatusCode)
			}
			w.uplinks.mu.Lock()
			defer w.uplinks.mu.Unlock()
			if len(w.uplinks.got) != 0 || w.uplinks.bad != 1 {
				t.Errorf("taken %q, unreadable %d", w.uplinks.got, w.uplinks.bad)
			}
		})
	}
}

// Who waits for leave to send a body gets it only with a credential.
func TestUplinks_give_leave_to_continue_only_to_whom_they_know(t *testing.T) {
	w := newWorld(t)
	expecting := head("Expect: 100-continue", fmt.Sprintf("Content-Length: %d", len(uplink)))
	conn := w.wire(t)
	if _, err := io.WriteString(conn, expecting); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 25)).ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := io.WriteString(conn, uplink); err != nil {
		t.Fatal(err)
	}
	if got := answerOf(t, conn); got.StatusCode != http.StatusOK {
		t.Errorf("%d", got.StatusCode)
	}

	stranger := w.wire(t)
	if _, err := io.WriteString(stranger, strings.Replace(expecting, "uplink-key-1", "nonsense", 1)); err != nil {
		t.Fatal(err)
	}
	if got := answerOf(t, stranger); got.StatusCode != http.StatusUnauthorized || !got.Close {
		t.Errorf("a stranger: %d, the connection is closed: %v", got.StatusCode, got.Close)
	}
	tooLong := w.wire(t)
	if _, err := io.WriteString(tooLong, head("Expect: 100-continue", "Content-Length: 1000000")); err != nil {
		t.Fatal(err)
	}
	if got := answerOf(t, tooLong); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: %d", got.StatusCode)
	}
}

// A body that trickles in does not hold its place for long.
func TestUplinks_that_are_slow_are_cut(t *testing.T) {
	for name, begin := range map[string]string{
		"nothing comes":      head("Content-Length: 100"),
		"it stops":           head("Content-Length: 100") + `{"DevEUI_uplink"`,
		"it stops in chunks": head("Transfer-Encoding: chunked") + "5\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *api.Options) { o.UplinkTime = 50 * time.Millisecond })
			got := w.post(t, begin)
			if got.StatusCode != http.StatusRequestTimeout || !got.Close {
				t.Errorf("%d, the connection is closed: %v", got.StatusCode, got.Close)
			}
		})
	}
	t.Run("it trickles", func(t *testing.T) {
		w := newWorld(t, func(o *api.Options) { o.UplinkTime = 200 * time.Millisecond })
		conn := w.wire(t)
		answered := make(chan *http.Response, 1)
		go func() { answered <- answerOf(t, conn) }()
		if _, err := io.WriteString(conn, head("Content-Length: 100000")); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case got := <-answered:
				if got.StatusCode != http.StatusRequestTimeout {
					t.Errorf("%d", got.StatusCode)
				}
				return
			case <-tick.C:
				_, _ = io.WriteString(conn, " ") // it may be cut by now
			}
		}
	})
	t.Run("the next one on the connection has its own time", func(t *testing.T) {
		w := newWorld(t, func(o *api.Options) { o.UplinkTime = 10 * time.Second })
		conn := w.wire(t)
		reader := bufio.NewReader(conn)
		for range 3 {
			if _, err := io.WriteString(conn, head(fmt.Sprintf("Content-Length: %d", len(uplink)))+uplink); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
			if err != nil || resp.StatusCode != http.StatusOK || resp.Close {
				t.Fatalf("%+v, %v", resp, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body) // to read the next
			_ = resp.Body.Close()
		}
	})
}

func TestUplinks_bound_the_query(t *testing.T) {
	w := newWorld(t)
	ask := func(query string) int {
		return w.do("POST", "/connections/1/uplinks?"+query, uplink).Status
	}
	long := "a=" + strings.Repeat("x", 4<<10-2)
	many := strings.Repeat("a=b&", 31) + "a=b"
	for query, want := range map[string]int{
		long: 200, long + "x": 414, many: 200, many + "&": 400, strings.Repeat("&", 4000): 400,
		"key=" + strings.Repeat("x", 4<<10): 414,
	} {
		if got := ask(query); got != want {
			t.Errorf("%d bytes, %d parameters: %d, want %d", len(query), strings.Count(query, "&")+1, got, want)
		}
	}
	if got := w.site.Visitor().Do("POST", "/connections/1/uplinks?"+long+"x", uplink).Status; got != 414 {
		t.Errorf("a stranger: %d", got)
	}
}
