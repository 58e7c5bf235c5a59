package api

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"limit", "cursor", "search", "state", "active", "sort", "hostName", "username", "password", "downlinkAsId", "downlinkAsKey", "id"}
	for name, want := range map[string]string{
		"Limit": "limit", "limt": "limit", "limits": "limit", "lmiit": "limit", "hostname": "hostName", "hotsName": "hostName", "user": "", "userName": "username",
		"passwort": "password", "pasword": "password", "curser": "cursor", "states": "state", "downlinkAsKy": "downlinkAsKey", "downlinkAsIds": "downlinkAsId",
		"colour": "", "": "", "x": "", "limitlimitlimit": "", "DOWNLINKASID": "downlinkAsId", "ID": "id",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("limt", "limit")
	f.Add("a\xffb", "ab")
	f.Fuzz(func(t *testing.T, name, known string) {
		got := nearest(name, []string{known})
		if got != "" && got != known {
			t.Errorf("%q came from nowhere", got)
		}
		if known != "" && nearest(known, []string{known}) != known {
			t.Errorf("%q is not the nearest to itself", known)
		}
		if len(name)+len(known) < 200 && slips(name, known) != slips(known, name) {
			t.Errorf("%q and %q are not as far apart as the other way round", name, known)
		}
	})
}
