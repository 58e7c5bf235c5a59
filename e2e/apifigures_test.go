//go:build e2e

package e2e

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkAPI measures answers of the REST API with 1,000 connections that are switched off and a million events, asked
// for by 16 clients at a time. The clients share the machine with the program. It tells half and 99 of 100 answers' time,
// and the program's memory before and after.
func BenchmarkAPI(b *testing.B) {
	const connections, events, clients = 1000, 1_000_000, 16
	p := newProgram(b, asAdmin("BOARDLINK_LOG_LEVEL=warn")...)
	p.start()
	empty := p.memory()
	ids := make([]string, connections)
	for i := range ids {
		ids[i] = p.connection(fmt.Sprintf("Connection %04d", i))
	}
	p.stop()
	fillEvents(b, filepath.Join(p.data, "boardlink.db"), connections, events)
	p.start()
	atRest := p.memory()

	settings := `{"connectorId":"actility-thingsboard-iot","name":"Connection %s","active":false,"configuration":{"hostName":"tb.example.com:443","username":"tenant@example.com","description":"%d"}}`
	for _, kind := range []struct {
		name   string
		method string
		target func(n int) (path, body string)
	}{
		{"list, 100 of 1000", "GET", func(int) (string, string) { return "/connections?limit=100", "" }},
		{"list, all 1000", "GET", func(int) (string, string) { return "/connections?limit=1000", "" }},
		{"list, search", "GET", func(n int) (string, string) { return fmt.Sprintf("/connections?search=%04d", n%connections), "" }},
		{"read", "GET", func(n int) (string, string) { return "/connections/" + ids[n%connections], "" }},
		{"PUT", "PUT", func(n int) (string, string) {
			id := ids[n%connections]
			return "/connections/" + id, fmt.Sprintf(settings, id, n)
		}},
		{"events, latest", "GET", func(int) (string, string) { return "/events?limit=100", "" }},
		{"events, deep page", "GET", func(n int) (string, string) {
			return fmt.Sprintf("/events?limit=100&cursor=%d", 1000+n*37%(events-1000)), ""
		}},
		{"events, of a connection", "GET", func(n int) (string, string) { return "/events?limit=100&connectionId=" + ids[n%connections], "" }},
		{"events, of a device", "GET", func(n int) (string, string) { return fmt.Sprintf("/events?limit=100&devEUI=%016X", n%5000), "" }},
		{"events, errors", "GET", func(int) (string, string) { return "/events?limit=100&level=error", "" }},
		{"events, errors of a connection", "GET", func(n int) (string, string) {
			return "/events?limit=100&level=error&connectionId=" + ids[n%connections], ""
		}},
		{"events, of an hour", "GET", func(n int) (string, string) {
			from := eventsBegin.Add(time.Duration(n%600) * time.Hour)
			return "/events?limit=100&from=" + from.Format("2006-01-02T15:04:05Z") + "&to=" + from.Add(time.Hour).Format("2006-01-02T15:04:05Z"), ""
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute}
			defer client.CloseIdleConnections()
			took := make([][]time.Duration, clients)
			var next atomic.Int64
			var wg sync.WaitGroup
			for c := range clients {
				wg.Go(func() {
					for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
						path, body := kind.target(n)
						at := time.Now()
						if err := p.ask(client, kind.method, path, body); err != nil {
							b.Error(err)
							return
						}
						took[c] = append(took[c], time.Since(at))
					}
				})
			}
			wg.Wait()
			all := slices.Concat(took...)
			slices.Sort(all)
			if len(all) > 0 {
				b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
			}
		})
	}
	b.Run("memory", func(b *testing.B) {
		b.ReportMetric(empty, "MB-without")
		b.ReportMetric(atRest, "MB-with-1000")
		b.ReportMetric(p.memory(), "MB-after")
	})
}

// ask sends a request of the benchmark and reads the answer to its end.
func (p *program) ask(client *http.Client, method, path, body string) error {
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s was answered %d: %s", method, path, resp.StatusCode, text)
	}
	return err
}

// eventsBegin is the time of the first of [fillEvents]; the last is of 25 days later.
var eventsBegin = time.Now().UTC().Truncate(time.Hour).Add(-26 * 24 * time.Hour)

// fillEvents writes events into the database of a program that does not run: of all connections in turn, every tenth about
// one of 5,000 devices, every fiftieth a warning, every thousandth an error.
func fillEvents(b testing.TB, file string, connections, events int) {
	b.Helper()
	d, err := sql.Open("sqlite", file)
	if err != nil {
		b.Fatal(err)
	}
	step := (25 * 24 * time.Hour).Milliseconds() / int64(events)
	_, err = d.ExecContext(b.Context(), `
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
		INSERT INTO events (time, level, kind, actor, connection_id, dev_eui, message)
		SELECT ? + i * ?, CASE WHEN i % 1000 = 0 THEN 'error' WHEN i % 50 = 0 THEN 'warning' ELSE 'info' END, 'uplink', 'system', 1 + i * 7 % ?,
		       CASE WHEN i % 10 = 0 THEN printf('%016X', i / 10 % 5000) ELSE '' END, 'Something happened to this connection, told in a sentence of usual length.'
		FROM n`, events, eventsBegin.UnixMilli(), step, connections)
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
}
