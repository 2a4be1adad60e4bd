package main

import (
	"time"

	"github.com/alecthomas/units"
)

func durations() {
	texts := []string{
		"0", "+0", "-0", "", "-", "1", "1s", "-1s", "+5s", "1h2m3.5s", "1.5h", ".5s", "1.s", ".s", "1.2.3s", "3000h", "1m1h", "1h 2m",
		"100us", "100µs", "100μs", "1ns", "1.9ns", "0.0000000001s", "1ms1us1ns", "9223372036854775807ns", "-9223372036854775808ns",
		"9223372036854775808ns", "2562047h47m16.854775807s", "2562047h47m16.854775808s", "-2562047h47m16.854775808s",
		"0.3333333333333333333h", "9007199254.740993ms", "0.9223372036854775807h", "0.830103483285477580700h", "1d", "1S", "s", "1e3s",
		"99999999999999999999s", "1.00000000000000000000000001s", "60s", "59m60s", "1000ms", "1000us", "999us", "1.10s", "0.1s", "10m0s", "1h0m0.001s",
	}
	var rows [][]any
	for _, text := range texts {
		if duration, err := time.ParseDuration(text); err == nil {
			rows = append(rows, []any{text, int64(duration), duration.String()})
		} else {
			rows = append(rows, []any{text, nil, nil})
		}
	}
	table("duration", rows)

	rows = nil
	for _, text := range []string{
		"10MB", "1MiB", "1KB", "1kB", "1KiB", "1kiB", "1GB", "1GiB", "1TB", "1TiB", "1PB", "1PiB", "1EB", "1EiB", "5B", "1.5MB", "1.5KiB", ".5KB",
		"10 MB", "10mb", "10M", "10Mi", "1.5", "MB", "-1MB", "+1MB", "1GiB512MiB", "1..5MB", "1iB", "x", "1b", "0", "0B", "1MBx", "-",
	} {
		// Telegraf reads whole numbers before it asks for units.
		if size, err := units.ParseStrictBytes(text); err == nil {
			rows = append(rows, []any{text, size})
		} else {
			rows = append(rows, []any{text, nil})
		}
	}
	table("size", rows)
}
