package policy_test

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// Hours that pass midnight belong to the day on which they begin.
func ExampleHours() {
	zone, err := policy.ParseZone("America/Vancouver")
	check(err)
	from, err := policy.ParseClock("22:00")
	check(err)
	to, err := policy.ParseClock("02:00")
	check(err)
	friday, err := policy.ParseWeekday("Fri")
	check(err)
	night := policy.Hours{From: from, To: to, Days: []time.Weekday{friday}, TimeZone: zone.String()}
	start, end := night.Next(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	fmt.Println(night)
	fmt.Println(start, "to", end)
	fmt.Println(night.Contains(end.Add(-time.Second)), night.Contains(end))
	// Output:
	// 22:00–02:00 Fri America/Vancouver
	// 2026-11-27 22:00:00 -0800 PST to 2026-11-28 02:00:00 -0800 PST
	// true false
}

// A time that clocks skip in spring is the moment at which they are set.
func ExampleClock_On() {
	zone, err := policy.ParseZone("America/New_York")
	check(err)
	clock, err := policy.ParseClock("02:30")
	check(err)
	fmt.Println(clock, "is", clock.On(time.Date(2026, 3, 8, 12, 0, 0, 0, zone), zone))
	// Output: 02:30 is 2026-03-08 03:00:00 -0400 EDT
}

// The name Local would mean another zone on each machine.
func ExampleParseZone() {
	_, err := policy.ParseZone("Local")
	fmt.Println(err)
	// Output: the zone Local differs from machine to machine; name one, such as America/Vancouver
}

// officeNights are Monday to Thursday, six in the evening until two.
func officeNights() policy.Calendar {
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	return policy.Calendar{
		Allow: []policy.Window{{Hours: policy.Hours{From: 18 * 60, To: 2 * 60, Days: week[:4], TimeZone: "UTC"}}},
		Deny: []policy.Window{{Hours: policy.Hours{From: 0, To: 24 * 60, Days: week, TimeZone: "UTC"},
			First: "2026-12-15", Last: "2027-01-04", Reason: "year end"}},
	}
}

// When is there time for an upgrade that takes five hours? This night is too far gone.
func ExampleCalendar_NextFor() {
	calendar := officeNights()
	now := time.Date(2026, 11, 24, 22, 0, 0, 0, time.UTC)
	next, ok := calendar.NextFor(now, 5*time.Hour)
	fmt.Println(calendar)
	fmt.Println("now:", calendar.Contains(now), "- long enough:", next.Start, ok)
	fmt.Println("the longest has", calendar.Longest(now).Length())
	// Output:
	// 18:00–02:00 Mon Tue Wed Thu UTC; never 00:00–24:00 Mon Tue Wed Thu Fri Sat Sun UTC from 2026-12-15 until 2027-01-04 (year end)
	// now: true - long enough: 2026-11-25 18:00:00 +0000 UTC true
	// the longest has 8h0m0s
}

// Open lists all windows, here around the end of the year.
func ExampleCalendar_Open() {
	now := time.Date(2026, 12, 13, 12, 0, 0, 0, time.UTC)
	for _, s := range officeNights().Open(now)[:3] {
		fmt.Println(s.Start.Format("Mon 2006-01-02 15:04"), s.Length())
	}
	// Output:
	// Mon 2026-12-14 18:00 6h0m0s
	// Tue 2027-01-05 00:00 2h0m0s
	// Tue 2027-01-05 18:00 8h0m0s
}

// How long an upgrade of twelve nodes with calls may take, by Pexip's own rules.
func ExampleEffort_Estimate() {
	estimate := policy.Effort{Size: 5_000_000_000, Nodes: 12, Calls: true}.Estimate()
	fmt.Println(estimate)
	fmt.Println("in all", estimate.Total().Round(time.Minute), "- Pexip's own part", estimate.RollOut().Round(time.Minute), "of", policy.RollOutLimit)
	// Output:
	// about 4:11 h (upload 0:07 h, backup 0:20 h, Management Node 1:00 h, Conferencing Nodes 0:14 h, calls 2:00 h, checks 0:30 h)
	// in all 4h11m0s - Pexip's own part 3h14m0s of 24h0m0s
}

// check is for the examples, whose input is good.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
