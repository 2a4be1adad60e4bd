package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"strconv"
)

func numbers() {
	texts := []string{
		"", "0", "1", "-1", "+1", "1.5", ".5", "5.", ".", "1e5", "1E5", "1e+5", "1e-5", "1e", "e5", "1e400", "-1e400", "1e-400", "1_000", "1_0.5_0", "1__0", "_1", "1_",
		"1_.5", "1._5", "1e1_0", "0x1p-2", "0x1.8p3", "0X1P+3", "0x.8p0", "0x1", "0x1.8", "0xp1", "0x1p", "0x_1p1", "0x1_0p1", "0x1p1_0", "0x1p2000", "0x1p-1074", "0x1p-1075",
		"0x1.8p-1075", "0x1.00000000000008p0", "0x1.000000000000081p0", "0x1.00000000000018p0", "0x1.fffffffffffffp1023", "0x1.fffffffffffff8p1023", "0x123456789abcdef01p0",
		"0x1.fffffffffffffffp-1023", "-0x1p4", "inf", "Inf", "+Inf", "-INF", "infinity", "-Infinity", "infi", "nan", "NaN", "+nan", "-nan", "1 ", " 1", "1f", "0b1", "0o7",
		"0x1e5", "1.7976931348623157e308", "1.7976931348623159e308", "5e-324", "2e-324", "0.1", "1e22", "1e23", "1.5.2", "--1", "1-", "Infinity1", "1e5.5", "007", "9007199254740993",
		"0_1", "01_0", "0b_1p1", "1,5", "١",
	}
	var rows [][]any
	for _, text := range texts {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			rows = append(rows, []any{text, nil})
		} else {
			rows = append(rows, []any{text, strconv.FormatUint(math.Float64bits(value), 10)})
		}
	}
	table("float_parse", rows)

	rows = nil
	for _, text := range []string{
		"", "0", "-0", "+5", "12", "-12", "0x1F", "-0xff", "0X_F", "0b101", "0B2", "0o17", "017", "018", "0_17", "1_000", "1__0", "_1", "1_", "0x", "0x_", "0", "00", "0_", "08",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999x",
		"0xffffffffffffffff", "1e3", "1.0", " 1", "a", "ff", "0b", "+", "-", "--1", "0xg", "0x1_f", "0b1_0", "é",
	} {
		row := []any{text}
		for _, base := range []int{10, 0, 16} {
			if value, err := strconv.ParseInt(text, base, 64); err == nil {
				row = append(row, strconv.FormatInt(value, 10))
			} else {
				row = append(row, nil)
			}
			if value, err := strconv.ParseUint(text, base, 64); err == nil {
				row = append(row, strconv.FormatUint(value, 10))
			} else {
				row = append(row, nil)
			}
		}
		rows = append(rows, row)
	}
	table("int_parse", rows)

	values := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 100, 123456, 1234567, 100000, 1e6, 1e7, 1e20, 1e21, 1e22, 123456789, 1234567890123456789, 123456789012345680000, 1e-4, 1e-5, 0.00001234,
		1e-6, 1e-7, 9.99e-7, 0.000123, math.MaxFloat64, math.SmallestNonzeroFloat64, 1.0 / 3, 2.0 / 3, -12.5, 999999.5, 9999999, 20000000, 1e15, 1e16, 1e17, 123456.789, 0.5, 2.5, 1e100,
		4.35, 0.045, 1e23, 5e-324, 2251799813685248.5, 99999999999999990000, 1000000.5, math.Inf(1), math.Inf(-1), math.NaN(), 9007199254740993, 0.30000000000000004, 1600000000.25, 21.5,
	}
	random := rand.New(rand.NewSource(7))
	for range 60 {
		values = append(values, math.Float64frombits(random.Uint64()), random.NormFloat64()*math.Pow(10, float64(random.Intn(30)-8)))
	}
	rows = nil
	for _, value := range values {
		inJson, _ := json.Marshal(value)
		row := []any{strconv.FormatUint(math.Float64bits(value), 10), fmt.Sprint(value), string(inJson)}
		for _, letter := range []byte("fegG") {
			for _, precision := range []int{-1, 0, 1, 3, 10} {
				row = append(row, strconv.FormatFloat(value, letter, precision, 64))
			}
		}
		rows = append(rows, row)
	}
	table("float_format", rows)
}
