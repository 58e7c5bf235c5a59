package alarm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// on makes an alarm; days are "monday tuesday", none for a window that opens once.
func on(t testing.TB, zone, start, end, days string) connection.Alarm {
	t.Helper()
	a := connection.Alarm{StartTime: at(t, start), EndTime: at(t, end), Timezone: zone, UplinkRateMinPerHour: 15, Message: "Low rate during business day..."}
	if days != "" {
		a.Recurrence = []connection.Recurrence{{Frequency: "weekly", ByDays: strings.Fields(days)}}
	}
	return a
}

func scheduleOf(t testing.TB, a connection.Alarm) schedule {
	t.Helper()
	zone, err := time.LoadLocation(a.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	return newSchedule(a, zone)
}

const everyDay = "monday tuesday wednesday thursday friday saturday sunday"

func TestWindows_are_wall_clock_in_their_zone(t *testing.T) {
	const original = "2019-01-31T09:00:00+01:00 2019-01-31T18:00:00+01:00"
	const workdays = "monday tuesday wednesday thursday friday"
	for _, c := range []struct {
		name, zone, window, days string
		before                   string // the moment that is asked about
		open, close              string // "" for no window
	}{
		{"once", "Europe/Paris", original, "", "2019-01-31T12:00:00Z", "2019-01-31T08:00:00Z", "2019-01-31T17:00:00Z"},
		{"once is over", "Europe/Paris", original, "", "2026-01-31T12:00:00Z", "2019-01-31T08:00:00Z", "2019-01-31T17:00:00Z"},
		{"not open yet", "Europe/Paris", original, "", "2019-01-31T08:00:00Z", "", ""},
		{"the first of many", "Europe/Paris", original, workdays, "2019-01-31T08:00:01Z", "2019-01-31T08:00:00Z", "2019-01-31T17:00:00Z"},
		{"none before the first", "Europe/Paris", original, workdays, "2019-01-30T12:00:00Z", "", ""},
		{"in winter", "Europe/Paris", original, workdays, "2026-01-14T12:00:00Z", "2026-01-14T08:00:00Z", "2026-01-14T17:00:00Z"},
		{"in summer", "Europe/Paris", original, workdays, "2026-07-15T12:00:00Z", "2026-07-15T07:00:00Z", "2026-07-15T16:00:00Z"},
		{"before it opens, the day before counts", "Europe/Paris", original, workdays, "2026-07-15T06:59:00Z", "2026-07-14T07:00:00Z", "2026-07-14T16:00:00Z"},
		{"on Saturday there is none", "Europe/Paris", original, workdays, "2026-07-18T12:00:00Z", "2026-07-17T07:00:00Z", "2026-07-17T16:00:00Z"},
		{"on a day that is not named there is none, also the first", "Europe/Paris", original, "monday", "2019-01-31T12:00:00Z", "", ""},
		{"an offset that is not the zone's", "Europe/Paris", "2019-01-31T00:00:00-08:00 2019-01-31T09:00:00-08:00", workdays, "2026-01-14T12:00:00Z", "2026-01-14T08:00:00Z", "2026-01-14T17:00:00Z"},

		// Clocks in Paris were put forward at 2026-03-29T01:00Z and back at 2026-10-25T01:00Z.
		{"on the day the clock goes forward", "Europe/Paris", original, "sunday", "2026-03-29T12:00:00Z", "2026-03-29T07:00:00Z", "2026-03-29T16:00:00Z"},
		{"a night that lacks an hour", "Europe/Paris", "2026-01-04T00:00:00+01:00 2026-01-04T06:00:00+01:00", "sunday", "2026-03-29T03:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T04:00:00Z"},
		{"a night that has an hour more", "Europe/Paris", "2026-01-04T00:00:00+01:00 2026-01-04T06:00:00+01:00", "sunday", "2026-10-25T03:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z"},
		{"opening in the gap", "Europe/Paris", "2026-01-04T02:30:00+01:00 2026-01-04T05:00:00+01:00", "sunday", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
		{"closing in the gap", "Europe/Paris", "2026-01-04T00:30:00+01:00 2026-01-04T02:30:00+01:00", "sunday", "2026-03-29T02:00:00Z", "2026-03-28T23:30:00Z", "2026-03-29T01:00:00Z"},
		{"wholly in the gap", "Europe/Paris", "2026-01-04T02:15:00+01:00 2026-01-04T02:45:00+01:00", "sunday", "2026-03-29T05:00:00Z", "", ""},
		{"opening in the overlap", "Europe/Paris", "2026-01-04T02:30:00+01:00 2026-01-04T05:00:00+01:00", "sunday", "2026-10-25T02:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z"},
		{"closing in the overlap", "Europe/Paris", "2026-01-04T00:30:00+01:00 2026-01-04T02:30:00+01:00", "sunday", "2026-10-25T02:00:00Z", "2026-10-24T22:30:00Z", "2026-10-25T01:30:00Z"},

		// In New York, west of UTC: back at 2026-11-01T06:00Z.
		{"western gap", "America/New_York", "2026-01-04T02:30:00-05:00 2026-01-04T05:00:00-05:00", "sunday", "2026-03-08T08:00:00Z", "2026-03-08T07:00:00Z", "2026-03-08T09:00:00Z"},
		{"opening in the western overlap", "America/New_York", "2026-01-04T01:30:00-05:00 2026-01-04T05:00:00-05:00", "sunday", "2026-11-01T08:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T10:00:00Z"},
		{"closing in the western overlap", "America/New_York", "2026-01-04T00:30:00-05:00 2026-01-04T01:30:00-05:00", "sunday", "2026-11-01T08:00:00Z", "2026-11-01T04:30:00Z", "2026-11-01T06:30:00Z"},

		// In Sydney: forward at 2026-10-03T16:00Z, back at 2026-04-04T16:00Z. Southern summer is winter here.
		{"southern summer", "Australia/Sydney", "2026-01-05T09:00:00+11:00 2026-01-05T17:00:00+11:00", everyDay, "2026-01-14T02:00:00Z", "2026-01-13T22:00:00Z", "2026-01-14T06:00:00Z"},
		{"southern winter", "Australia/Sydney", "2026-01-05T09:00:00+11:00 2026-01-05T17:00:00+11:00", everyDay, "2026-07-15T02:00:00Z", "2026-07-14T23:00:00Z", "2026-07-15T07:00:00Z"},
		{"southern gap", "Australia/Sydney", "2026-01-04T02:30:00+11:00 2026-01-04T06:00:00+11:00", "sunday", "2026-10-03T18:00:00Z", "2026-10-03T16:00:00Z", "2026-10-03T19:00:00Z"},
		{"southern overlap", "Australia/Sydney", "2026-01-04T02:30:00+11:00 2026-01-04T06:00:00+11:00", "sunday", "2026-04-04T17:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T20:00:00Z"},
		{"half an hour of summer time", "Australia/Lord_Howe", "2026-01-04T01:45:00+11:00 2026-01-04T03:00:00+11:00", "sunday", "2026-04-04T15:30:00Z", "2026-04-04T14:45:00Z", "2026-04-04T16:30:00Z"},
		{"a day that never was", "Pacific/Apia", "2011-12-02T09:00:00-10:00 2011-12-02T18:00:00-10:00", "friday", "2011-12-30T20:00:00Z", "", ""},

		{"over midnight, in the evening", "Europe/Paris", "2026-01-05T22:00:00+01:00 2026-01-06T06:00:00+01:00", "monday", "2026-02-02T22:30:00Z", "2026-02-02T21:00:00Z", "2026-02-03T05:00:00Z"},
		{"over midnight, on the morning of a day that is not named", "Europe/Paris", "2026-01-05T22:00:00+01:00 2026-01-06T06:00:00+01:00", "monday", "2026-02-03T04:00:00Z", "2026-02-02T21:00:00Z", "2026-02-03T05:00:00Z"},
		{"over midnight, into the new year", "Europe/Paris", "2026-01-05T22:00:00+01:00 2026-01-06T06:00:00+01:00", everyDay, "2027-01-01T03:00:00Z", "2026-12-31T21:00:00Z", "2027-01-01T05:00:00Z"},
		{"over the week-end", "Europe/Paris", "2026-01-02T18:00:00+01:00 2026-01-05T08:00:00+01:00", "friday", "2026-07-13T05:00:00Z", "2026-07-10T16:00:00Z", "2026-07-13T06:00:00Z"},
		{"a leap day", "Europe/Paris", original, "saturday", "2020-02-29T12:00:00Z", "2020-02-29T08:00:00Z", "2020-02-29T17:00:00Z"},
		{"begun on a leap day", "Europe/Paris", "2024-02-29T09:00:00+01:00 2024-02-29T18:00:00+01:00", "thursday", "2024-03-07T12:00:00Z", "2024-03-07T08:00:00Z", "2024-03-07T17:00:00Z"},
		{"into a leap day", "Europe/Paris", "2026-01-05T22:00:00+01:00 2026-01-06T06:00:00+01:00", everyDay, "2028-02-29T03:00:00Z", "2028-02-28T21:00:00Z", "2028-02-29T05:00:00Z"},
		{"seconds count for the minute that is whole", "UTC", "2026-01-05T08:59:30Z 2026-01-05T18:00:59Z", "monday", "2026-01-12T12:00:00Z", "2026-01-12T09:00:00Z", "2026-01-12T18:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, end, _ := strings.Cut(c.window, " ")
			w, ok := scheduleOf(t, on(t, c.zone, start, end, c.days)).before(at(t, c.before))
			if c.open == "" {
				if ok {
					t.Errorf("open %s, close %s", w.open.UTC(), w.close.UTC())
				}
				return
			}
			if !ok || !w.open.Equal(at(t, c.open)) || !w.close.Equal(at(t, c.close)) {
				t.Errorf("%v: open %s, close %s", ok, w.open.UTC().Format(time.RFC3339), w.close.UTC().Format(time.RFC3339))
			}
		})
	}
}

func TestWindows_that_touch_are_one(t *testing.T) {
	s := scheduleOf(t, on(t, "Europe/Paris", "2026-01-05T00:00:00+01:00", "2026-01-06T00:00:00+01:00", everyDay))
	now := at(t, "2026-03-04T23:30:00Z") // half past midnight
	w, ok := s.before(now)
	if !ok || now.Sub(w.open) < 24*time.Hour || w.close.Before(now) {
		t.Errorf("%v: %v", ok, w)
	}
	over, ok := s.due(now, time.Time{})
	if !ok || over.to.Sub(over.from) != time.Hour {
		t.Errorf("%v: %v", ok, over)
	}
}

// inside tells by the clock on the wall alone, the plain way, whether a minute lies in a window of one day.
func inside(a connection.Alarm, zone *time.Location, t time.Time) bool {
	local := t.In(zone)
	clock := func(t time.Time) int { h, m, _ := t.In(zone).Clock(); return h*60 + m }
	if !slices.Contains(a.Recurrence[0].ByDays, strings.ToLower(local.Weekday().String())) {
		return false
	}
	return clock(t) >= clock(a.StartTime) && clock(t) < clock(a.EndTime)
}

// A window holds every minute whose clock reads inside of it, also where clocks change. In an overlap it may hold more: it
// stays open between the two times that the clock shows the same.
func TestWindows_hold_every_minute_whose_clock_reads_inside(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 15 {
		name := []string{"Europe/Paris", "Australia/Sydney", "America/Santiago", "Australia/Lord_Howe", "America/New_York", "Asia/Kolkata", "Africa/Casablanca"}[random.IntN(7)]
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		from := random.IntN(23 * 60)
		to := from + 1 + random.IntN(24*60-from-1)
		a := connection.Alarm{Timezone: name, StartTime: time.Date(2019, 2, 1, 0, from, 0, 0, zone), EndTime: time.Date(2019, 2, 1, 0, to, 0, 0, zone),
			Recurrence: []connection.Recurrence{{Frequency: "weekly", ByDays: strings.Fields(everyDay)[random.IntN(7):]}}}
		s := newSchedule(a, zone)
		day := time.Date(2026, time.Month(1+random.IntN(12)), 1+random.IntN(28), 0, 0, 0, 0, zone)
		days := 3
		if _, change := day.ZoneBounds(); !change.IsZero() && random.IntN(2) == 0 {
			day = change.Add(-36 * time.Hour)
		}
		for minute := range days * 24 * 60 {
			now := day.Add(time.Duration(minute) * time.Minute)
			w, ok := s.before(now.Add(time.Second))
			open := ok && now.Before(w.close)
			if wanted := inside(a, zone, now); wanted && !open || open && !wanted && !doubled(zone, w) {
				t.Fatalf("%s %02d:%02d to %02d:%02d on %v: %s is inside %v, open %v (%v)", name, from/60, from%60, to/60, to%60, a.Recurrence[0].ByDays,
					now.In(zone).Format(time.RFC3339), wanted, open, w)
			}
		}
	}
}

// doubled reports whether clocks are put back near a window.
func doubled(zone *time.Location, w window) bool {
	return offset(w.open.Add(-3*time.Hour).In(zone)) > offset(w.close.Add(3*time.Hour).In(zone))
}

func TestDue_compares_only_what_lies_inside(t *testing.T) {
	const nine = "2026-01-05T09:00:00Z 2026-01-05T18:00:00Z"
	for _, c := range []struct {
		name, window, now, exists string
		from, to                  string
	}{
		{"before it opens", nine, "2026-01-12T08:59:59Z", "", "", ""},
		{"not yet an hour", nine, "2026-01-12T09:59:59Z", "", "", ""},
		{"an hour", nine, "2026-01-12T10:00:05Z", "", "2026-01-12T09:00:00Z", "2026-01-12T10:00:00Z"},
		{"the last hour", nine, "2026-01-12T12:34:56Z", "", "2026-01-12T11:34:00Z", "2026-01-12T12:34:00Z"},
		{"at its close", nine, "2026-01-12T18:00:05Z", "", "2026-01-12T17:00:00Z", "2026-01-12T18:00:00Z"},
		{"a little late", nine, "2026-01-12T18:09:05Z", "", "2026-01-12T17:00:00Z", "2026-01-12T18:00:00Z"},
		{"too late", nine, "2026-01-12T18:11:05Z", "", "", ""},
		{"a window of just an hour", "2026-01-05T09:00:00Z 2026-01-05T10:00:00Z", "2026-01-12T10:00:05Z", "", "2026-01-12T09:00:00Z", "2026-01-12T10:00:00Z"},
		{"a short window is open", "2026-01-05T09:00:00Z 2026-01-05T09:20:00Z", "2026-01-12T09:19:59Z", "", "", ""},
		{"a short window closes", "2026-01-05T09:00:00Z 2026-01-05T09:20:00Z", "2026-01-12T09:20:05Z", "", "2026-01-12T09:00:00Z", "2026-01-12T09:20:00Z"},
		{"made half an hour ago", nine, "2026-01-12T12:00:05Z", "2026-01-12T11:30:10Z", "", ""},
		{"made an hour ago", nine, "2026-01-12T12:31:05Z", "2026-01-12T11:30:10Z", "2026-01-12T11:31:00Z", "2026-01-12T12:31:00Z"},
		{"made shortly before the close", nine, "2026-01-12T18:00:05Z", "2026-01-12T17:30:10Z", "2026-01-12T17:31:00Z", "2026-01-12T18:00:00Z"},
		{"made after it", nine, "2026-01-12T18:00:05Z", "2026-01-12T18:00:01Z", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, end, _ := strings.Cut(c.window, " ")
			var exists time.Time
			if c.exists != "" {
				exists = at(t, c.exists)
			}
			over, ok := scheduleOf(t, on(t, "UTC", start, end, "monday")).due(at(t, c.now), exists)
			if c.from == "" {
				if ok {
					t.Errorf("compares %v", over)
				}
				return
			}
			if !ok || !over.from.Equal(at(t, c.from)) || !over.to.Equal(at(t, c.to)) {
				t.Errorf("%v: compares %v", ok, over)
			}
		})
	}
}

func TestLow_is_below_the_minimum_and_short_spans_are_judged_by_their_length(t *testing.T) {
	start := at(t, "2026-01-05T09:00:00Z")
	for _, c := range []struct {
		over    time.Duration
		uplinks int64
		minimum int
		low     bool
	}{
		{time.Hour, 14, 15, true}, {time.Hour, 15, 15, false}, {time.Hour, 0, 1, true}, {time.Hour, 999_999, 1_000_000, true},
		{20 * time.Minute, 4, 15, true}, {20 * time.Minute, 5, 15, false}, {time.Minute, 0, 1, true}, {time.Minute, 1, 60, false},
	} {
		if got := (span{start, start.Add(c.over)}).low(c.uplinks, c.minimum); got != c.low {
			t.Errorf("%d uplinks in %v with a minimum of %d an hour: low is %v", c.uplinks, c.over, c.minimum, got)
		}
	}
}

func TestSentences_can_be_read_back(t *testing.T) {
	for want, a := range map[string]connection.Alarm{
		`Low uplink rate: 3 uplinks from 09:00 to 10:00; the minimum is 15 an hour (09:00 to 18:00, Europe/Paris). "Low rate during business day..."`:                       on(t, "Europe/Paris", "2026-01-05T09:00:00+01:00", "2026-01-05T18:00:00+01:00", "monday"),
		`Low uplink rate: 3 uplinks from 09:00 to 10:00; the minimum is 15 an hour (09:00 to 06:00 the next day, Europe/Paris). "Low rate during business day..."`:          on(t, "Europe/Paris", "2026-01-05T09:00:00+01:00", "2026-01-06T06:00:00+01:00", "monday"),
		`Low uplink rate: 3 uplinks from 09:00 to 10:00; the minimum is 15 an hour (09:00 to 06:00, 3 days later, Europe/Paris). "Low rate during business day..."`:         on(t, "Europe/Paris", "2026-01-05T09:00:00+01:00", "2026-01-08T06:00:00+01:00", "monday"),
		`Low uplink rate: 3 uplinks from 09:00 to 10:00; the minimum is 15 an hour (2026-01-05 09:00 to 2026-01-05 18:00, Europe/Paris). "Low rate during business day..."`: on(t, "Europe/Paris", "2026-01-05T09:00:00+01:00", "2026-01-05T18:00:00+01:00", ""),
	} {
		s := scheduleOf(t, a)
		over := span{at(t, "2026-01-05T08:00:00Z"), at(t, "2026-01-05T09:00:00Z")}
		got := sentence(saysLow, 3, over, s, mark(a, s))
		if got != want {
			t.Errorf("says %s\nwant %s", got, want)
		}
		other := a
		other.UplinkRateMinPerHour++
		for message, read := range map[string][2]bool{
			got: {true, true}, sentence(saysBack, 20, over, s, mark(a, s)): {false, true}, sentence(saysLow, 3, over, s, mark(other, s)): {false, false},
			"Another alarm." + mark(a, s): {false, false},
		} {
			low, about := said(message, mark(a, s))
			if read != [2]bool{low, about} {
				t.Errorf("%s is read as %v", message, fmt.Sprint(low, about))
			}
		}
	}
	a := on(t, "UTC", "2026-01-05T09:00:00Z", "2026-01-05T18:00:00Z", "monday")
	a.Message = ""
	s := scheduleOf(t, a)
	over := span{a.StartTime, a.StartTime.Add(time.Hour)}
	if got := sentence(saysLow, 0, over, s, mark(a, s)); got != "Low uplink rate: no uplinks from 09:00 to 10:00; the minimum is 15 an hour (09:00 to 18:00, UTC)." {
		t.Error(got)
	}
	if got := sentence(saysLow, 1, over, s, mark(a, s)); !strings.Contains(got, " 1 uplink from") {
		t.Error(got)
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add("Europe/Paris", int64(1548921600), int64(32400), uint8(0x1f), int64(1774746000))
	f.Add("Pacific/Apia", int64(1322848800), int64(86400), uint8(0x7f), int64(1325239200))
	f.Fuzz(func(t *testing.T, name string, start, length int64, days uint8, now int64) {
		zone, err := time.LoadLocation(name)
		const least, most = 315_532_800, 1 << 34 // from 1980 on all clocks are whole minutes apart
		if err != nil || start < least || start > most || now < least || now > most || length < 1 || length > 7*86400 {
			return
		}
		a := connection.Alarm{StartTime: time.Unix(start, 0), EndTime: time.Unix(start+length, 0), Timezone: name}
		for i, day := range strings.Fields(everyDay) {
			if days&(1<<i) != 0 {
				a.Recurrence = append(a.Recurrence, connection.Recurrence{Frequency: "weekly", ByDays: []string{day}})
			}
		}
		s := newSchedule(a, zone)
		moment := time.Unix(now, 0)
		if w, ok := s.before(moment); ok && (!w.open.Before(moment) || !w.open.Before(w.close) || w.open.Before(a.StartTime.Add(-2*time.Hour))) {
			t.Errorf("window %v before %v", w, moment)
		}
		over, ok := s.due(moment, time.Time{})
		if ok && (over.to.After(moment) || !over.from.Before(over.to) || over.to.Sub(over.from) > anHour || over.from.Second() != 0 || over.to.Second() != 0) {
			t.Errorf("compares %v at %v", over, moment)
		}
	})
}
