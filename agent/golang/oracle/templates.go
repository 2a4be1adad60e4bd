package main

import (
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// metric is what the tests of the Rust side rebuild.
type metric struct{}

func (metric) Name() string { return "tram" }
func (metric) Tag(key string) string {
	return map[string]string{"node": "n1", "region": "eu-west", "html": `<a href="x">'&`}[key]
}
func (metric) Field(key string) interface{} { return fields()[key] }
func (metric) Tags() map[string]string {
	return map[string]string{"node": "n1", "region": "eu-west"}
}
func (metric) Fields() map[string]interface{} { return fields() }
func (metric) HasTag(key string) bool         { return key == "node" || key == "region" }
func (metric) Time() time.Time                { return time.Unix(1600000000, 123456789).UTC() }
func (metric) String() string                 { return "the metric" }

func fields() map[string]interface{} {
	return map[string]interface{}{"load": 0.75, "people": int64(42), "doors": uint64(4), "open": true, "note": "late, again", "big": 20000000.0, "zero": int64(0), "empty": ""}
}

func templates() {
	sources := []string{
		// Text, trimming, comments.
		"", "plain", "a {{- 1 -}} b", "a {{ 1 }} b", "a\n {{- 1 }}\n", "{{/* note */}}x", "a {{- /* note */ -}} b", "{{ /* note */ }}x", "{{", "{{ }}", "{{}}", "}}", "{{ 1", `{{ "x }}`, "{{- 1}}", "{{-1}}", "{{3 -}}  x", "a{{1}}{{2}}b",
		`{{ "}}" }}`, "{{ `a\"b` }}", `{{ "a\tb\x41é\n\u00e9\101" }}`, `{{ "\q" }}`, `{{ 'a' }}`, `{{ '\n' }}`, `{{ '日' }}`, `{{ 'ab' }}`, "{{ 1.5 }}{{ 0x10 }}{{ 1e3 }}{{ 1_000 }}{{ -7 }}{{ .5 }}", "{{ 1x }}", "{{ 0b11 }} {{ 1.0 }} {{ 1e7 }} {{ 1.5e7 }}",
		// Fields and methods.
		`{{ .Name }}`, `{{ .Tag "node" }}.{{ .Tag "region" }}`, `{{ .Tag "missing" }}|`, `{{ .Field "missing" }}`, `{{ .Field "load" }} {{ .Field "people" }} {{ .Field "doors" }} {{ .Field "open" }} {{ .Field "note" }} {{ .Field "big" }}`,
		`{{ .Nope }}`, `{{ .Name.Nope }}`, `{{ .Tag }}`, `{{ .Tag 1 }}`, `{{ .Tag "a" "b" }}`, `{{ .Tags }}`, `{{ .Fields }}`, `{{ .Tags.node }}`, `{{ .Tags.nope }}`, `{{ .Fields.load }}`, `{{ .Fields.nope }}`, `{{ index .Tags "node" }}`, `{{ index .Fields "nope" }}`, `{{ index .Tags "nope" }}|`,
		`{{ . }}`, `{{ $ }}`, `{{ $.Name }}`, `{{ (.Tag "node") }}`, `{{ .Time }}`, `{{ .Time.UTC.Unix }}`, `{{ .Time.UnixNano }}`, `{{ .Time.Format "2006-01-02T15:04:05.000Z07:00" }}`, `{{ .Time.Year }} {{ .Time.Month }} {{ .Time.Day }} {{ .Time.Weekday }} {{ .Time.YearDay }} {{ .Time.Hour }} {{ .Time.Minute }} {{ .Time.Second }} {{ .Time.Nanosecond }}`,
		`{{ .Time.UnixMilli }}`, `{{ .Time.IsZero }}`, `{{ "x".y }}`, `{{ 1 .Name }}`, `{{ .Name 1 }}`, `{{ nil }}`, `{{ true }} {{ false }}`, `{{ (.Time).Unix }}`, `{{ (index .Fields "load") }}`,
		// Pipelines, variables.
		`{{ .Name | upper | printf "%s-%s" "x" }}`, `{{ $x := 1 }}{{ $x }}{{ $x = 2 }}{{ $x }}`, `{{ $x }}`, `{{ $x := .Tag "node" }}{{ with 1 }}{{ $x }}{{ end }}`, `{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}`, `{{ $x := 1 }}{{ if true }}{{ $x = 5 }}{{ $x := 9 }}{{ $x }}{{ end }}{{ $x }}`,
		`{{ 1 | 2 }}`, `{{ "a" | .Tag }}|`, `{{ "node" | .Tag }}`, `{{ ("a") "b" }}`, `{{ upper }}`, `{{ upper 1 }}`, `{{ upper "a" "b" }}`, `{{ shout "a" }}`, `{{ .Name | }}`, `{{ | upper }}`, `{{ ( }}`, `{{ ) }}`, `{{ (1 }}`, `{{ 1) }}`, `{{ $a, $b := 1 }}`, `{{ $x := }}`, `{{ .a b }}`,
		`{{ $x := 1 | add 2 }}{{ $x }}`, `{{ (printf "%d" 3) | upper }}`, `{{ if eq (.Tag "node") "n1" }}y{{ end }}`, `{{ "a"|upper|lower }}`, `{{ $x:=1 }}{{$x}}`, `{{ printf "%v %v" $ (.Name) }}`, `{{ .Name|printf "%q" }}`,
		// Control.
		`{{ if .Field "zero" }}a{{ else }}b{{ end }}`, `{{ if .Field "empty" }}a{{ else if .Field "people" }}b{{ else }}c{{ end }}`, `{{ if false }}a{{ else if false }}b{{ else if true }}c{{ end }}`, `{{ if }}{{ end }}`, `{{ if true }}`, `{{ end }}`, `{{ else }}`, `{{ if true }}a{{ else }}b{{ else }}c{{ end }}`, `{{ if .Tags }}t{{ end }}`,
		`{{ with .Tag "node" }}[{{ . }}]{{ end }}`, `{{ with .Tag "x" }}a{{ else }}b{{ end }}`, `{{ with $x := .Name }}{{ $x }}{{ . }}{{ end }}`, `{{ with .Tag "x" }}a{{ else with .Name }}{{ . }}{{ end }}`, `{{ with 1 }}{{ $.Name }}{{ end }}{{ .Name }}`,
		`{{ range .Tags }}{{ . }},{{ end }}`, `{{ range $k, $v := .Tags }}{{ $k }}={{ $v }};{{ end }}`, `{{ range $v := .Tags }}{{ $v }};{{ end }}`, `{{ range $i, $e := list "a" "b" }}{{ $i }}{{ $e }} {{ end }}`, `{{ range list }}a{{ else }}none{{ end }}`, `{{ range 3 }}{{ . }}{{ end }}`, `{{ range $i := 3 }}{{ $i }}{{ end }}`, `{{ range .Name }}{{ end }}`,
		`{{ range $i, $e := list 1 2 3 4 }}{{ if eq $e 2 }}{{ continue }}{{ end }}{{ if eq $e 4 }}{{ break }}{{ end }}{{ $e }}{{ end }}`, `{{ break }}`, `{{ range .Field "missing" }}a{{ else }}b{{ end }}`, `{{ range $k, $v := .Fields }}{{ $k }}={{ $v }} {{ end }}`, `{{ $s := 0 }}{{ range list 1 2 3 }}{{ $s = add $s . }}{{ end }}{{ $s }}`, `{{ range 0 }}a{{ else }}b{{ end }}`, `{{ range -1 }}a{{ end }}`,
		`{{ range list 1 2 }}{{ range list 3 4 }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}{{ . }}{{ end }}`,
		`{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" .Name }}{{ template "t" }}`, `{{ template "nope" }}`, `{{ block "b" .Name }}<{{ . }}>{{ end }}`, `{{ template "late" 1 }}{{ define "late" }}{{ . }}{{ $ }}{{ end }}`, `{{ define "a" }}{{ end }}x`, `{{ define "x" }}`, `{{ template "r" . }}{{ define "r" }}{{ template "r" . }}{{ end }}`, `{{ $x := 1 }}{{ define "v" }}{{ $x }}{{ end }}`, `{{ template .Name }}`,
		// Functions of text/template.
		`{{ and 1 0 2 }} {{ and 1 2 }} {{ or 0 "" 3 4 }} {{ or 0 "" }} {{ not 0 }} {{ not "x" }}`, `{{ and true (fail "x") }}`, `{{ or true (fail "x") }}`, `{{ and }}`, `{{ 5 | and true }} {{ 5 | or 0 }}`, `{{ eq 1 1 }} {{ eq 1 2 3 1 }} {{ eq "a" "b" }} {{ eq 1.5 1.5 }} {{ eq true true }}`, `{{ eq 1 1.0 }}`, `{{ eq "1" 1 }}`, `{{ eq 1 }}`, `{{ eq (.Field "people") 42 }} {{ eq (.Field "doors") 4 }}`, `{{ ne 1 2 }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1.5 2.5 }}`, `{{ lt 1 "a" }}`, `{{ lt true false }}`, `{{ gt (.Field "load") 0.5 }}`, `{{ gt (.Field "load") 0 }}`, `{{ eq .Tags .Tags }}`, `{{ eq nil nil }}`, `{{ lt (.Field "doors") 5 }} {{ lt -1 (.Field "doors") }}`, `{{ eq (.Field "missing") nil }}`, `{{ eq "a" nil }}`,
		`{{ len "héllo" }} {{ len .Tags }} {{ len (list 1 2) }}`, `{{ len 5 }}`, `{{ index (list "a" "b") 1 }}`, `{{ index (list "a") 1 }}`, `{{ index (list "a") -1 }}`, `{{ index "abc" 1 }}`, `{{ index .Tags 1 }}`, `{{ index 5 1 }}`, `{{ index (list (list 1 2) (list 3 4)) 1 0 }}`, `{{ index .Tags }}`, `{{ print 1 2 "a" "b" 3 4 }}`, `{{ print "a" 1 }}`, `{{ println 1 "a" }}`, `{{ print }}`, `{{ print nil }}`, `{{ print (.Field "missing") 1 }}`,
		`{{ .Tag "html" | html }}`, `{{ .Tag "html" | js }}`, `{{ "a b&c=ü/~" | urlquery }}`, `{{ html 1 "a" }}`, `{{ js "a\nb\\c" }}`, `{{ call .Name }}`,
		// printf.
		`{{ printf "%d|%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%b|%c|%U|%q" 42 42 42 42 42 42 42 42 42 42 5 65 65 65 }}`, `{{ printf "%s|%10s|%-10s|%.2s|%q|%x|%X|% x|%#x|%v|%#q|%06s" "hé" "hé" "hé" "hé" "hé" "hé" "hé" "hé" "hé" "hé" "hé" "hé" }}`, `{{ printf "%f|%.2f|%8.3f|%-8.2f|%08.2f|%+.1f|%e|%E|%g|%G|%.3g|%v|%6.2f%%" 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 1e6 1e-7 3.14159 1e21 50.0 }}`, `{{ printf "%t|%v|%5t|%-6t|" true false true false }}`, `{{ printf "%T %T %T %T %T" 1.5 "a" true nil .Tags }}`, `{{ printf "%d" "a" }} {{ printf "%s" 1.5 }} {{ printf "%d" }} {{ printf "%d" 1.5 }} {{ printf "%z" 1.5 }} {{ printf "%" }} {{ printf "%!" }}`, `{{ printf "a" 1.5 "x" }}`, `{{ printf "%v %v %v" (list 1 "a" nil) .Tags nil }}`, `{{ printf "%q" (list "a" "b") }}`, `{{ printf "%s" nil }} {{ printf "%d" nil }}`, `{{ printf "%*d|%-*d|" 5 42 5 42 }}`, `{{ printf "%[2]d %[1]d" 1 2 }}`, `{{ printf "%3c|%-3c|" 65 66 }}`, `{{ printf "%.3d|%8.3d|%-8.3d|" 5 5 5 }}`, `{{ printf "%05s|%5q|%-8q|" "a" "b" "c" }}`, `{{ printf "%x %X" -255 255 }}`, `{{ printf "%s" .Time }}`, `{{ printf "%6.2f" (.Field "load") }}`, `{{ printf "%d" (.Field "doors") }}`, `{{ printf "%v" . }}`, `{{ printf "%s" . }}`, `{{ printf "%.0f %.1f" 2.5 0.25 }}`, `{{ printf "%e" 0.0 }} {{ printf "%g" 100000.0 }} {{ printf "%g" 1000000.0 }}`, `{{ printf "%5v|%-5v|%05v" 1 2 3 }}`, `{{ printf "%+v" .Tags }}`, `{{ printf "%O %#o %#b" 8 8 5 }}`, `{{ printf "%s" true }}`, `{{ printf "%d" true }}`, `{{ printf "%08b" 5 }}`, `{{ printf "%+q" "é" | len }}`, `{{ printf "%q" "\x01\u00a0\u200b日" }}`, `{{ printf "%#v" "a" }}`, `{{ printf "%-05d|" 5 }}`, `{{ printf "%+05d|% 05d|" 5 5 }}`, `{{ printf "%010.3f|%+08.1f|" -3.14159 2.5 }}`,
		// sprig: texts.
		`{{ trim "  a b " }}|{{ trimAll "$" "$5.00$" }}|{{ trimPrefix "-" "-a-" }}|{{ trimSuffix "-" "-a-" }}|{{ upper "aß" }}|{{ lower "AÉ" }}|{{ title "hello wörld it's a_b x-y 9a" }}|{{ untitle "Hello World" }}|{{ repeat 3 "ab" }}|{{ repeat 0 "a" }}`, `{{ repeat -1 "a" }}`, `{{ substr 0 3 "hello" }}|{{ substr 1 -1 "hello" }}|{{ substr -1 2 "hello" }}|{{ substr 2 99 "hello" }}`, `{{ nospace " a b\tc " }}|{{ trunc 3 "hello" }}|{{ trunc -3 "hello" }}|{{ trunc 99 "a" }}|{{ trunc 0 "a" }}|{{ trunc -9 "abc" }}`,
		`{{ abbrev 5 "hello world" }}|{{ abbrev 3 "hello" }}|{{ abbrev 11 "hello world" }}|{{ abbrevboth 5 10 "1234 5678 9123" }}|{{ abbrevboth 5 7 "abcdefghijklmno" }}|{{ abbrevboth 12 7 "abcdefghijklmno" }}|{{ abbrevboth 1 7 "abcdefghijklmno" }}`, `{{ initials "First Try" }}|{{ initials " a  b" }}|{{ contains "b" "abc" }}{{ contains "x" "abc" }}|{{ hasPrefix "a" "abc" }}|{{ hasSuffix "c" "abc" }}`, `{{ wrap 5 "the quick brown fox" }}|{{ wrapWith 5 "\t" "hello wonderful a" }}|{{ wrap 80 "short" }}|{{ wrap 3 "abcdef gh" }}|{{ wrapWith 3 "-" "abcdefgh" }}`,
		`{{ quote "a" 1 nil "b\"c" }}|{{ squote "a" 1 }}|{{ cat "a" 1 nil true }}|{{ indent 2 "a\nb" }}|{{ nindent 2 "a\nb" }}|{{ replace "a" "x" "banana" }}|{{ replace "" "-" "ab" }}`, `{{ plural "one" "many" 1 }} {{ plural "one" "many" 2 }} {{ len (list 1 2) | plural "one" "many" }}`,
		`{{ snakecase "FirstName" }}|{{ snakecase "HTTP20xOK" }}|{{ snakecase "first name" }}|{{ snakecase "a1b2" }}|{{ camelcase "http_server" }}|{{ camelcase "first-name x" }}|{{ kebabcase "FirstName" }}|{{ kebabcase "HTTPServer" }}|{{ swapcase "This Is a tEst" }}|{{ snakecase "someLongName" }}|{{ kebabcase "first_name" }}`, `{{ splitList "," "a,b,,c" }}|{{ (split "," "a,b")._1 }}|{{ (splitn "," 2 "a,b,c")._1 }}|{{ splitList "" "abc" }}|{{ split "," "a,b" }}`, `{{ join "," (list "a" 1 nil true) }}|{{ join "," "x" }}|{{ sortAlpha (list "b" "a" "c") }}|{{ sortAlpha "x" }}|{{ toStrings (list 1 2) }}`,
		`{{ regexMatch "^a.c$" "abc" }}|{{ regexFind "[0-9]+" "a12b3" }}|{{ regexFindAll "[0-9]" "a1b2c3" 2 }}|{{ regexFindAll "[0-9]" "a1b2c3" -1 }}|{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}|{{ regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }}|{{ regexSplit "z+" "pizza" -1 }}|{{ regexSplit "," "a,b,c" 2 }}|{{ regexQuoteMeta "a.b" }}`, `{{ regexMatch "(" "a" }}`, `{{ regexFind "(" "a" }}`, `{{ regexSplit "" "abc" -1 }}|{{ regexSplit "a*" "baac" -1 | quote }}`,
		// sprig: numbers.
		`{{ add 1 2 3 }} {{ add }} {{ add1 5 }} {{ sub 5 3 }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ mod 7 3 }} {{ max 1 5 3 }} {{ min 4 2 3 }} {{ biggest 1 2 }}`, `{{ div 1 0 }}`, `{{ add "5" 2.9 "x" true nil "0x10" "010" "3.0" "3.5" "-4" }}`, `{{ floor 1.9 }} {{ ceil 1.1 }} {{ round 123.555555 3 }} {{ round 2.5 0 }} {{ round -2.5 0 }} {{ round 1.25 1 0.6 }}`, `{{ addf 0.1 0.2 }} {{ add1f 1.5 }} {{ subf 7.5 2 3 }} {{ mulf 1.5 2 }} {{ divf 10 4 }} {{ maxf 1 2.5 }} {{ minf 1 -2.5 }} {{ divf 10 3 }} {{ addf }}`, `{{ atoi "12" }} {{ atoi "x" }} {{ int "12" }} {{ int 3.9 }} {{ int64 "7" }} {{ float64 "1.5" }} {{ toDecimal "0777" }} {{ toString 1.5 }} {{ int (.Field "doors") }} {{ int -3.9 }}`, `{{ until 3 }} {{ untilStep 0 10 3 }} {{ until -3 }} {{ seq 5 }} {{ seq 2 4 }} {{ seq 0 2 6 }} {{ seq 3 1 }} {{ seq 3 -1 1 }} {{ seq -2 }} {{ seq }}`, `{{ div (.Field "people") 5 }} {{ mulf (.Field "load") 100 }} {{ .Field "load" | mulf 100 | int }}%`,
		`{{ range list "FirstName" "HTTPServer" "NoHTTPS" "GO_PATH" "http2xx" "Duration2m3s" "Bld4Floor3rd" "a1" "a1B" "A1b" "1a" "ab12cd34" "x_y2Z" " FirstName " "__a__" "a--b" "aB.cD" "ABc" "aBC" "übÜb" "ID3v2" "get2HTTPResponse123Code" "A_B_C" "HTTP2Server" "3rdParty" "" }}{{ snakecase . }} {{ kebabcase . }} {{ camelcase . }}|{{ end }}`,
		`{{ mulf 1e300 1e300 }} {{ addf 1e300 1e-300 }} {{ mulf 0.1 0.7 }} {{ subf 1 0.9 }} {{ addf 1e20 0.1 }}`,
		// sprig: lists and maps.
		`{{ $l := list 1 2 3 }}{{ first $l }}{{ last $l }}{{ rest $l }}{{ initial $l }}{{ append $l 4 }}{{ prepend $l 0 }}{{ concat $l (list 4 5) }}{{ reverse $l }}{{ $l }}`, `{{ uniq (list 1 2 1 "1") }} {{ without (list 1 2 3) 2 3 }} {{ has 2 (list 1 2) }} {{ has 5 (list 1) }} {{ slice (list 1 2 3 4) 1 3 }} {{ compact (list 0 1 "" "a" nil) }} {{ chunk 2 (list 1 2 3) }}`, `{{ first (list) }}|{{ rest (list) }}`, `{{ first "abc" }}`, `{{ slice "abcdef" 1 3 }}`, `{{ slice (list 1 2) 1 }}`, `{{ slice (list 1 2) 0 5 }}`,
		`{{ $d := dict "a" 1 "b" 2 }}{{ get $d "a" }}|{{ get $d "z" }}|{{ set $d "c" 3 }}|{{ unset $d "a" }}|{{ hasKey $d "b" }}|{{ $d }}|{{ pick $d "b" }}|{{ omit $d "b" }}|{{ len $d }}`, `{{ keys (dict "a" 1) }} {{ values (dict "a" 1) }} {{ pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3) }} {{ dict "x" }} {{ keys .Fields | sortAlpha | join "," }}`, `{{ merge (dict "a" 1 "n" (dict "x" 1)) (dict "a" 2 "b" 3 "n" (dict "y" 2)) }} {{ mergeOverwrite (dict "a" 1) (dict "a" 2) }} {{ merge (dict "a" 0) (dict "a" 2) }}`, `{{ dig "a" "b" "none" (dict "a" (dict "b" 1)) }} {{ dig "a" "x" "none" (dict "a" (dict "b" 1)) }}`,
		// sprig: choices, JSON.
		`{{ default "d" "" }} {{ default "d" 0 }} {{ default "d" "x" }} {{ .Tag "nope" | default "d" }} {{ .Field "missing" | default "d" }} {{ default "d" }} {{ empty "" }} {{ empty 1 }} {{ coalesce 0 "" "x" }} {{ all 1 "" }} {{ any 0 1 }} {{ ternary "y" "n" true }} {{ true | ternary "y" "n" }}`, `{{ coalesce 0 "" }}`, `{{ .Fields | toJson }}`, `{{ toJson (list 1 1.5 "a<b>&\"\n\u2028" nil true 1e21 1e-7) }}`, `{{ toPrettyJson (dict "a" (list 1 2) "b" (dict) "c" (list)) }}`, `{{ toRawJson "<a>" }}`, `{{ (fromJson "{\"a\": [1, 2.5, null, true, \"x\"]}").a }}`, `{{ fromJson "{" }}|`, `{{ mustFromJson "{" }}`, `{{ toJson .Time }}`, `{{ fail "stop" }}`,
		// sprig: encodings, dates, paths, types.
		`{{ b64enc "héllo" }} {{ b64dec "aMOpbGxv" }} {{ b32enc "hello!" }} {{ b32dec "NBSWY3DPEE======" }} {{ b64enc "" }} {{ b64enc "a" }} {{ b64enc "ab" }}`, `{{ sha1sum "a" }} {{ sha256sum "a" }} {{ adler32sum "Wikipedia" }}`, `{{ date "2006-01-02" .Time }} {{ dateInZone "15:04 MST" .Time "Europe/Berlin" }} {{ dateInZone "15:04 MST" .Time "Nope/Nope" }} {{ dateInZone "2006" 0 "UTC" }} {{ unixEpoch .Time }} {{ htmlDate .Time }}`, `{{ duration 95 }} {{ duration "3700" }} {{ durationRound "2h10m5s" }} {{ durationRound "400h" }}`, `{{ .Time | dateModify "-1h" | date "15:04" }} {{ .Time | dateModify "x" | unixEpoch }} {{ toDate "2006-01-02" "2020-09-13" | unixEpoch }}`, `{{ base "a/b.c" }} {{ dir "a/b.c" }} {{ ext "a/b.c" }} {{ clean "a//b/../c/." }} {{ isAbs "/a" }} {{ base "" }} {{ base "/" }} {{ dir "/" }} {{ dir "a" }} {{ clean "" }} {{ clean "/../a" }} {{ clean "../../a" }} {{ ext "a.b/c" }} {{ base "a/" }}`,
		`{{ kindOf "a" }} {{ kindOf 1.5 }} {{ kindOf (list) }} {{ kindOf (dict) }} {{ kindOf true }} {{ kindIs "string" "a" }} {{ kindIs "int" 1 }} {{ typeOf "a" }} {{ typeIs "string" "a" }} {{ typeOf (.Field "people") }} {{ typeOf (.Field "doors") }} {{ kindOf nil }}`, `{{ deepEqual (list 1 2) (list 1 2) }} {{ deepEqual "a" "b" }} {{ deepEqual (dict "a" 1) (dict "a" 1) }}`, `{{ .Name | upper }} {{ .Tag "stop" | default "nowhere" | replace " " "_" }} {{ .Time.UTC | date "2006-01-02" }} {{ .Name | trunc 2 }}`,
		// sprig: versions, variables.
		`{{ range list "1.2.3" "v1.2" "1" "1.2.3-rc.1+b.2" "01.2.3" }}{{ $v := semver . }}{{ $v.Major }}.{{ $v.Minor }}.{{ $v.Patch }} {{ $v.Prerelease }} {{ $v.Metadata }} {{ $v.Original }};{{ end }}`, `{{ semver "x" }}`, `{{ semver "1.2.3.4" }}`, `{{ semver "1.2.3-01" }}`, `{{ semver "" }}`, `{{ semver "1.2.3-" }}`, `{{ semverCompare "nope" "1.2.3" }}`, `{{ semverCompare ">1" "x" }}`,
		`{{ range $c := list "1.2.3" "=1.2" "1" "*" "!=1.2.3" "!=1.2" "!=1" ">1.2.3" ">1.2" ">1" ">=1.2.3" ">=1.2" "=>1" "<1.2.3" "<1.2" "<1" "<=1.2.3" "<=1.2" "=<1" "~1.2.3" "~1.2" "~1" "~>1.2" "^1.2.3" "^1.2" "^1" "^0.2.3" "^0.2" "^0.0.3" "^0.0" "^0" "1.2.x" "1.X" ">=1.2 <2" ">= 1.2, < 1.3" "1.0 - 1.2.3" "^0.2 || ~1.2.4" ">1.2.3-beta" "^1.2.3-beta.2" "<1.2.3-rc" "~1.2.3-0" }}{{ $c }}:{{ range $v := list "1.2.3" "1.2.4" "1.3.0" "1.1.9" "2.0.0" "0.2.3" "0.2.9" "0.3.0" "0.0.3" "0.0.4" "1.2.3-beta" "1.2.3-beta.10" "1.2.3-beta.2" "1.2.3+build" "1.2.4-rc" }}{{ if semverCompare $c $v }}1{{ else }}0{{ end }}{{ end }} {{ end }}`,
		// What random templates showed.
		`{{ printf "%02d" .Time.Month }} {{ .Time.Month }} {{ .Time.Weekday }} {{ if .Time.Weekday }}a{{ else }}sunday{{ end }} {{ eq .Time.Month 9 }} {{ add .Time.Month 1 }} {{ typeOf .Time.Month }} {{ kindOf .Time.Weekday }} {{ toJson .Time.Month }} {{ printf "%q %F %5v|%-5s|" .Time.Month .Time.Month .Time.Weekday .Time.Weekday }}`,
		`{{ .Time.Truncate 3600000000000 }} {{ .Time.Round 7000000000 }} {{ .Time.AddDate 0 1 -20 }} {{ .Time.AddDate -1 30 500 }} {{ .Time.Sub (.Time.AddDate 0 -1 3) }} {{ (.Time.Sub (.Time.AddDate 0 0 -1)).Hours }} {{ (.Time.Sub (.Time.Add 90500000000)).Minutes }} {{ ((.Time.Sub (.Time.Add 90500000000)).Round 1000000000).Seconds }} {{ printf "%d" (.Time.Sub (.Time.Add 5)) }}`,
		`{{ range .Field "doors" }}{{ . }},{{ end }}`, `{{ .Fields.nope.deeper }}`, `{{ keys (fromJson "{") }} {{ merge (fromJson "{") (dict "a" 1) }} {{ get (fromJson "{") "a" }}|`, `{{ merge (dict "a" 1) (dict "b" nil) }} {{ index (deepCopy .Tags) "nope" }}|`,
		`{{ .Field "missing" | html }} {{ js nil "a" }} {{ urlquery (.Field "missing") 1 }}`, `{{ wrapWith 3 "" "abcdefg" }}`, `{{ b64dec "abcde" }} {{ b64dec "n1" }} {{ mustSlice (list 1 2 3) 1 2 }}`, `{{ atoi "99999999999999999999" }} {{ atoi "-99999999999999999999" }} {{ div (floor 1e21) 2 }}`,
		`{{ divf 10 3 }} {{ divf -1 3.14159 }} {{ divf 1e21 123456.789 5 100 }} {{ divf 1 1e300 }} {{ subf 0.1 0.3 0.7 }} {{ mulf 0.1 0.7 1.1 1.1 }} {{ mulf 2 -0.0 }} {{ divf 2 3 | mulf 3 }} {{ divf 1e-7 7 }}`, `{{ divf 1 0 }}`,
		`{{ snakecase "a$b" }} {{ kebabcase "5.00$" }} {{ snakecase "<nil>" }} {{ snakecase "-2.5+2020" }} {{ kebabcase "a._b" }} {{ snakecase "$1a" }} {{ kebabcase "a=\"b\"" }}`,
		`{{ printf "%5.1f|%+d|%05z|%-12.3T|%T" "text" "a" true 1.5 "x" }}`, `{{ printf "%[2]*[1]d|%[3]d|%[x]d|%[1]5d|%[1].2f|%d" 7 4 }}`, `{{ printf "%[5]*d %[ %[]d" 1 }}`, `{{ printf "%#v %#v %#v %+v %#v" "a" 1.5 (.Field "doors") 5 (list 1.0 "b" nil) }}`, `{{ printf "%#g %#.3g %#e %#.0f %#G %#g %#v" 1.0 1.5 2.0 3.0 1e7 0.0 2.0 }}`, `{{ printf "%d %s" (list nil 1.0 "a") (dict "k" nil) }}`, `{{ printf "%p %.p" 1.0 "abc" }}`, `{{ printf "%*d|%-*d|%.*f|%.*f" (.Field "doors") 1.0 "x" 2.0 -1 1.5 2 1.5 }}`, `{{ printf "%*d" -6 (.Field "people") }}|`,
		`{{ env "NO_SUCH_VARIABLE" }}|{{ expandenv "a$NO_SUCH_VARIABLE-${NO_SUCH_VARIABLE}b $ ${} $1 é" }}|`,
	}
	var rows [][]any
	for _, source := range sources {
		compiled, err := template.New("").Funcs(sprig.TxtFuncMap()).Parse(source)
		if err != nil {
			rows = append(rows, []any{source, nil, nil})
			continue
		}
		var out strings.Builder
		if !strings.Contains(source, `template "r" .`) {
			err = compiled.Execute(&out, metric{})
		} else {
			continue // a minute of recursion
		}
		if err != nil {
			rows = append(rows, []any{source, true, nil})
		} else {
			rows = append(rows, []any{source, true, out.String()})
		}
	}
	table("template", rows)
}
