package event

import "math"

const (
	// secondsBelow separates numbers that are seconds from those that are milliseconds.
	secondsBelow = 1e11
	// maxMillis is the end of the year 9999, the last that RFC 3339 can write.
	// Microseconds and nanoseconds of our time lie beyond it.
	maxMillis = 253402300799999
)

// millis returns the time that a number means, in milliseconds since 1970.
func millis(v float64) (ms int64, ok bool) {
	if math.Abs(v) < secondsBelow {
		v *= 1000
	}
	if !(math.Abs(v) <= maxMillis) {
		return 0, false
	}
	return int64(math.Round(v)), true
}

// parseTime reads an RFC 3339 date and time, to the millisecond (further
// digits are cut off). As the standard allows, the T may be a space and T and
// Z may be lower case. A leap second is read as the second after it.
func parseTime(b []byte) (ms int64, ok bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' ||
		b[10]|0x20 != 't' && b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	year, month, day := digits(b[:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return 0, false
	}
	fraction, i := 0, 19
	if b[i] == '.' {
		i++
		first, scale := i, 100
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			fraction += int(b[i]-'0') * scale
			scale /= 10
		}
		if i == first {
			return 0, false
		}
	}
	offset, ok := parseZone(b[i:])
	if !ok {
		return 0, false
	}
	minutes := (daysSince1970(year, month, day)*24+hour)*60 + minute - offset
	return int64(minutes*60+second)*1000 + int64(fraction), true
}

// parseZone reads "Z" or an offset such as "+05:30", in minutes.
func parseZone(b []byte) (minutes int, ok bool) {
	if len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if len(b) != len("+00:00") || b[0] != '+' && b[0] != '-' || b[3] != ':' {
		return 0, false
	}
	h, m := digits(b[1:3]), digits(b[4:6])
	if h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, false
	}
	if b[0] == '-' {
		return -h*60 - m, true
	}
	return h*60 + m, true
}

// digits reads a short decimal integer; -1 when b holds anything else.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c-'0' > 9 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts the days from 1970-01-01 to a date of the Gregorian
// calendar. Years begin in March, so that the leap day is the last of its
// year, and 400 years (146097 days) early, so that none is negative.
func daysSince1970(year, month, day int) int {
	year += 400
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469 - 146097
}
