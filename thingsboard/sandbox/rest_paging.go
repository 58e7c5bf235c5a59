package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pageData is ThingsBoard's PageData.
type pageData struct {
	Data          any  `json:"data"`
	TotalPages    int  `json:"totalPages"`
	TotalElements int  `json:"totalElements"`
	HasNext       bool `json:"hasNext"`
}

// pageLink is what pages are asked for with; pageSize and page are mandatory.
type pageLink struct{ size, page int }

func readPageLink(r *http.Request) (pageLink, *apiError) {
	q := r.URL.Query()
	for _, name := range []string{"pageSize", "page"} {
		if !q.Has(name) {
			return pageLink{}, invalid("Required request parameter '" + name + "' for method parameter type int is not present")
		}
	}
	size, err1 := strconv.Atoi(q.Get("pageSize"))
	page, err2 := strconv.Atoi(q.Get("page"))
	if err1 != nil || err2 != nil || size < 1 || page < 0 {
		return pageLink{}, &apiError{Status: http.StatusBadRequest, Message: "Incorrect page link", Code: codeInvalid}
	}
	return pageLink{size, page}, nil
}

// cut takes the page out of all.
func cut[T any](all []T, link pageLink) ([]T, pageData) {
	total := len(all)
	from := min(link.size*link.page, total)
	to := min(from+link.size, total)
	return all[from:to], pageData{TotalPages: (total + link.size - 1) / link.size, TotalElements: total, HasNext: to < total}
}

func (s *Sandbox) pageOfDevices(w http.ResponseWriter, r *http.Request, allowed, info bool, only func(*device) bool) *apiError {
	if !allowed {
		return forbidden()
	}
	link, refusal := readPageLink(r)
	if refusal != nil {
		return refusal
	}
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := slices.DeleteFunc(s.devices.sorted(), func(d *device) bool {
		search := strings.ToLower(q.Get("textSearch"))
		return only != nil && !only(d) ||
			!strings.Contains(strings.ToLower(d.name+"\x00"+d.label+"\x00"+d.profile), search) ||
			q.Get("type") != "" && q.Get("type") != d.profile ||
			q.Get("deviceProfileId") != "" && q.Get("deviceProfileId") != s.devices.profiles[d.profile] ||
			q.Get("active") != "" && q.Get("active") != strconv.FormatBool(s.active(d))
	})
	by := map[string]func(*device) string{
		"name": func(d *device) string { return d.name }, "label": func(d *device) string { return d.label },
		"deviceProfileName": func(d *device) string { return d.profile }, "customerTitle": func(d *device) string { return d.customer },
	}
	if key := by[q.Get("sortProperty")]; key != nil {
		slices.SortStableFunc(found, func(a, b *device) int { return cmp.Compare(key(a), key(b)) })
	}
	if strings.EqualFold(q.Get("sortOrder"), "DESC") || q.Get("sortProperty") == "" { // the newest first, unless told otherwise
		slices.Reverse(found)
	}
	part, page := cut(found, link)
	shown := make([]deviceJSON, len(part))
	for i, d := range part {
		shown[i] = s.show(d, info)
	}
	page.Data = shown
	answer(w, http.StatusOK, page)
	return nil
}

func (s *Sandbox) profileInfos(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if !who.tenantAdmin() {
		return forbidden()
	}
	link, refusal := readPageLink(r)
	if refusal != nil {
		return refusal
	}
	type profile struct {
		ID        entityID `json:"id"`
		Name      string   `json:"name"`
		Type      string   `json:"type"`
		Transport string   `json:"transportType"`
	}
	s.mu.Lock()
	all := []profile{}
	for name, id := range s.devices.profiles {
		if strings.Contains(strings.ToLower(name), strings.ToLower(r.URL.Query().Get("textSearch"))) {
			all = append(all, profile{entity("DEVICE_PROFILE", id), name, "DEFAULT", "DEFAULT"})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b profile) int { return cmp.Compare(a.Name, b.Name) })
	part, page := cut(all, link)
	page.Data = part
	answer(w, http.StatusOK, page)
	return nil
}
