package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

// behind is a server that trusts 10.0.0.0/8, one IPv6 proxy and nobody else.
func behind() *Server {
	return &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:aaaa::1/128")}}
}

func asked(remote string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestClient_is_whom_the_trusted_proxies_name(t *testing.T) {
	const proxy, stranger = "10.0.0.1:4711", "203.0.113.9:4711"
	for name, test := range map[string]struct {
		remote string
		header []string
		want   string // address, scheme, host
	}{
		"nobody in between":                            {stranger, nil, "203.0.113.9"},
		"an IPv6 client":                               {"[2001:db8::7]:4711", nil, "2001:db8::7"},
		"an IPv4 client of an IPv6 socket":             {"[::ffff:203.0.113.9]:4711", nil, "203.0.113.9"},
		"a client on a link":                           {"[fe80::1%eth0]:4711", nil, "fe80::1"},
		"no address":                                   {"@", nil, "invalid IP"},
		"a stranger's headers are not believed":        {stranger, []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example.com", "Forwarded", "for=192.0.2.1"}, "203.0.113.9"},
		"a proxy that names nobody":                    {proxy, nil, "10.0.0.1"},
		"a proxy that names one":                       {proxy, []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		"the rightmost that is not trusted":            {proxy, []string{"X-Forwarded-For", "192.0.2.1, 203.0.113.9"}, "203.0.113.9"},
		"several proxies":                              {proxy, []string{"X-Forwarded-For", "192.0.2.1, 203.0.113.9, 10.0.0.3, 10.0.0.2"}, "203.0.113.9"},
		"several headers":                              {proxy, []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-For", "10.0.0.2"}, "203.0.113.9"},
		"proxies alone":                                {proxy, []string{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"with a port":                                  {proxy, []string{"X-Forwarded-For", "203.0.113.9:55000"}, "203.0.113.9"},
		"IPv6":                                         {proxy, []string{"X-Forwarded-For", "2001:db8::7"}, "2001:db8::7"},
		"IPv6 in brackets":                             {proxy, []string{"X-Forwarded-For", "[2001:db8::7]"}, "2001:db8::7"},
		"IPv6 with a port":                             {proxy, []string{"X-Forwarded-For", "[2001:db8::7]:55000"}, "2001:db8::7"},
		"IPv6 through an IPv6 proxy":                   {"[2001:db8:aaaa::1]:1", []string{"X-Forwarded-For", "2001:DB8::7, 2001:db8:aaaa:0::1"}, "2001:db8::7"},
		"a mapped address of a proxy":                  {"[::ffff:10.0.0.1]:1", []string{"X-Forwarded-For", "203.0.113.9, ::ffff:10.9.9.9"}, "203.0.113.9"},
		"garbage at the right":                         {proxy, []string{"X-Forwarded-For", "203.0.113.9, unknown"}, "10.0.0.1"},
		"garbage behind a proxy":                       {proxy, []string{"X-Forwarded-For", "203.0.113.9, <script>, 10.0.0.2"}, "10.0.0.2"},
		"garbage left of the client":                   {proxy, []string{"X-Forwarded-For", "unknown, 203.0.113.9"}, "203.0.113.9"},
		"an empty header":                              {proxy, []string{"X-Forwarded-For", ""}, "10.0.0.1"},
		"a comma at the end":                           {proxy, []string{"X-Forwarded-For", "203.0.113.9,"}, "10.0.0.1"},
		"octal numbers":                                {proxy, []string{"X-Forwarded-For", "0313.0.113.9"}, "10.0.0.1"},
		"more hops than are looked at":                 {proxy, []string{"X-Forwarded-For", "203.0.113.9" + strings.Repeat(", 10.0.0.2", 40)}, "10.0.0.2"},
		"scheme and host":                              {proxy, []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "HTTPS", "X-Forwarded-Host", "Boardlink.example.com:8443"}, "203.0.113.9 https Boardlink.example.com:8443"},
		"scheme and host of the outermost proxy alone": {proxy, []string{"X-Forwarded-For", "203.0.113.9, 10.0.0.2", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "a.example.com"}, "203.0.113.9 https a.example.com"},
		"scheme of the client's own hop":               {proxy, []string{"X-Forwarded-For", "192.0.2.1, 203.0.113.9, 10.0.0.2", "X-Forwarded-Proto", "ftp, https, http"}, "203.0.113.9 https"},
		"a scheme that makes no sense":                 {proxy, []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "javascript"}, "203.0.113.9"},
		"a host that makes no sense":                   {proxy, []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Host", "a.example.com/@evil"}, "203.0.113.9"},

		"the standard header":                   {proxy, []string{"Forwarded", "for=203.0.113.9;proto=https;host=a.example.com;by=10.0.0.1"}, "203.0.113.9 https a.example.com"},
		"the standard header, IPv6":             {proxy, []string{"Forwarded", `For="[2001:db8::7]:4711" ; Proto=https`}, "2001:db8::7 https"},
		"the standard header without quotes":    {proxy, []string{"Forwarded", "for=[2001:db8::7]:4711"}, "2001:db8::7"},
		"the standard header, several hops":     {proxy, []string{"Forwarded", "for=192.0.2.1;proto=http, for=203.0.113.9;proto=https", "Forwarded", "for=10.0.0.2;proto=http"}, "203.0.113.9 https"},
		"the standard header, a comma in quote": {proxy, []string{"Forwarded", `for=203.0.113.9;host="a,b", for=10.0.0.2`}, "203.0.113.9"},
		"the standard header, hidden":           {proxy, []string{"Forwarded", "for=203.0.113.9, for=_hidden, for=10.0.0.2"}, "10.0.0.2"},
		"the standard header, unknown":          {proxy, []string{"Forwarded", "for=unknown"}, "10.0.0.1"},
		"the standard header, without an end":   {proxy, []string{"Forwarded", `for="192.0.2.1, for=203.0.113.9`}, "10.0.0.1"},
		"the standard header, twice the same":   {proxy, []string{"Forwarded", "for=203.0.113.9;for=192.0.2.1"}, "10.0.0.1"},
		"the standard header, empty":            {proxy, []string{"Forwarded", ""}, "10.0.0.1"},
		"both headers, of one mind":             {proxy, []string{"Forwarded", "for=203.0.113.9;proto=https", "X-Forwarded-For", "203.0.113.9"}, "203.0.113.9 https"},
		"both headers, not of one mind":         {proxy, []string{"Forwarded", "for=192.0.2.1", "X-Forwarded-For", "203.0.113.9"}, "10.0.0.1"},
	} {
		c := behind().clientOf(asked(test.remote, test.header...))
		if got := strings.TrimRight(strings.Join([]string{c.address.String(), c.scheme, c.host}, " "), " "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestOrigin_is_known_to_handlers_and_frameworks(t *testing.T) {
	s, err := New(Options{PublicURL: "https://boardlink.example.com", TrustedProxies: behind().proxies, Sessions: &memory{}, People: everybody{}})
	if err != nil {
		t.Fatal(err)
	}
	s.Mount(Route{Method: http.MethodGet, Path: "/who", Public: true, Handler: func(c echo.Context) error {
		return c.String(http.StatusOK, connection.Origin(c.Request().Context()).String()+" "+c.RealIP()+" "+c.Request().Host)
	}})
	w := httptest.NewRecorder()
	r := asked("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Host", "boardlink.example.com", "X-Real-IP", "192.0.2.1")
	r.URL.Path = "/who"
	s.ServeHTTP(w, r)
	if got := w.Body.String(); got != "203.0.113.9 203.0.113.9 boardlink.example.com" {
		t.Errorf("%d %q", w.Code, got)
	}
}

func FuzzClient(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.2", `for="[2001:db8::7]:4711";proto=https;host=a, for=10.0.0.2`, "https", "a.example.com")
	f.Add("unknown,,", `for="\";,=`, "", "")
	s := behind()
	f.Fuzz(func(t *testing.T, usual, standard, proto, host string) {
		header := []string{"X-Forwarded-Proto", proto, "X-Forwarded-Host", host}
		if usual != "" {
			header = append(header, "X-Forwarded-For", usual)
		}
		if standard != "" {
			header = append(header, "Forwarded", standard)
		}
		c := s.clientOf(asked("10.0.0.1:1", header...))
		if !c.address.IsValid() || c.address.Zone() != "" || c.address.Is4In6() {
			t.Errorf("address %v of %q", c.address, header)
		}
		if c.scheme != "" && c.scheme != "http" && c.scheme != "https" || strings.ContainsAny(c.host, "/@\\ \r\n\"<") {
			t.Errorf("scheme %q, host %q", c.scheme, c.host)
		}
		// What stands left of an address that is not trusted counts for nothing.
		if standard == "" && usual != "" {
			if got := s.clientOf(asked("10.0.0.1:1", "X-Forwarded-For", usual+", 198.51.100.1")); got.address.String() != "198.51.100.1" {
				t.Errorf("%q makes the client %v", usual, got.address)
			}
		}
		if got := s.clientOf(asked("198.51.100.1:1", header...)); got.address.String() != "198.51.100.1" || got.scheme+got.host != "" {
			t.Errorf("a stranger is believed: %+v", got)
		}
	})
}

// record sends a request from an address without a listener.
func record(s *Server, method, path, from string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = from
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
