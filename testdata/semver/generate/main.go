// Writes what Masterminds/semver v3.5.0 says of many versions and ranges: with Go at hand,
// go mod tidy && go run . >../masterminds.tsv
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"strings"

	"github.com/Masterminds/semver/v3"
)

func esc(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c >= 0x7f || c == '\\' {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

var probes = []string{
	"0.0.0", "0.0.0-0", "0.0.0-alpha", "0.0.1", "0.0.1-alpha", "0.0.2", "0.0.3", "0.0.3-rc.1", "0.0.4", "0.0.9",
	"0.1.0", "0.1.0-0", "0.1.0-beta", "0.1.1", "0.1.9", "0.2.0", "0.2.0-alpha", "0.2.1", "0.2.3", "0.2.3-beta.2",
	"0.2.4", "0.3.0", "0.3.0-0", "0.9.9", "1.0.0", "1.0.0-0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0-rc.1",
	"1.0.0+meta", "1.0.1", "1.0.1-beta", "1.1.0", "1.1.0-alpha", "1.1.1", "1.1.9", "1.2.0", "1.2.0-0", "1.2.0-alpha.0",
	"1.2.0-alpha.1", "1.2.0-beta", "1.2.0-2", "1.2.0-10", "1.2.1", "1.2.2", "1.2.3", "1.2.3-0", "1.2.3-alpha", "1.2.3-beta.1",
	"1.2.3-beta.11", "1.2.3-beta.2", "1.2.3+x", "1.2.4", "1.2.4-rc", "1.2.9", "1.3.0", "1.3.0-0", "1.3.0-alpha", "1.4.0",
	"1.4.5", "1.4.6", "1.5.0-rc.1", "1.9.9", "1.10.0", "2.0.0", "2.0.0-0", "2.0.0-alpha", "2.0.0-beta", "2.0.1",
	"2.1.0", "2.1.0-alpha", "2.9.9", "3.0.0", "3.0.0-alpha", "3.0.1-beta", "3.1.0", "4.0.0", "4.1.0", "4.1.0-alpha",
	"4.1.0-beta", "4.1.3", "4.1.3-alpha", "4.2.0", "5.0.0-alpha", "10.0.0", "11.2.3", "18446744073709551615.0.0", "20221209.0.0-update", "99.99.99",
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	vs := make([]*semver.Version, len(probes))
	fmt.Fprintln(out, "# Made with Masterminds/semver v3.5.0: what it takes for a version, and which versions are in a range.")
	for i, p := range probes {
		vs[i] = semver.MustParse(p)
		fmt.Fprintf(out, "probe\t%s\n", p)
	}
	r := rand.New(rand.NewSource(7))
	// versions
	var texts []string
	seen := map[string]bool{}
	addv := func(s string) {
		if !seen[s] {
			seen[s] = true
			texts = append(texts, s)
		}
	}
	for _, s := range []string{"", "v", "1", "v1", "V1", "1.2", "1.2.3", "1.2.3.4", "01.02.3", "00.0.0", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-00", "1.2.3-0",
		"1.2.3-0abc", "1.2.3-0-1", "1.2.3--", "1.2.3---", "1-2", "1.2-3", "1.2.3-a.b.c", "1.2.3-a..b", "1.2.3-.a", "1.2.3-a.", "1.2.3+a.b", "1.2.3+a..b", "1.2.3+001",
		"1.2.3-1.01", "1.2.3-1.0a", "1.2.3+a-b", "1.2.3+-", "1.2.3-a+b", "1.2.3+a+b", "1.2.3-a_b", "1.2.3_a", " 1.2.3", "1.2.3 ", "1.2.3\n", "1.2.3\x00", "latest",
		"1.2.beta", "1..3", ".1", "1.", "-1", "+1", "vv1", "v.1", "1.2.3-é", "18446744073709551615", "18446744073709551616", "1.18446744073709551616", "1.2.18446744073709551616",
		"1.2.3-18446744073709551616", "20221209-update-renovatejson-v4", "x", "1.x", "*", "1.2.3-" + strings.Repeat("a", 300), strings.Repeat("1", 30), "1.2.3+" + strings.Repeat("b", 300),
		"1.2.3-" + strings.Repeat("a", 250), "1.2.3-" + strings.Repeat("a", 251), "0000000000000000000000000000001.2.3", "1.0000000000000000000000002"} {
		addv(s)
	}
	alphabet := "0012v.-+aZx_*"
	for len(texts) < 700 {
		n := 1 + r.Intn(10)
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.Intn(len(alphabet))]
		}
		addv(string(b))
		// mutate a good one
		g := []byte(probes[r.Intn(len(probes))])
		g[r.Intn(len(g))] = alphabet[r.Intn(len(alphabet))]
		addv(string(g))
	}
	for _, s := range texts {
		v, err := semver.NewVersion(s)
		if err != nil {
			fmt.Fprintf(out, "version\t%s\t!\n", esc(s))
		} else {
			fmt.Fprintf(out, "version\t%s\t%s\n", esc(s), v.String())
		}
	}
	// order: ranks of some tricky versions
	ord := []string{"1.0.0-18446744073709551615", "1.0.0-18446744073709551616", "1.0.0-18446744073709551617", "1.0.0-99999999999999999999999", "1.0.0-2a", "1.0.0-A", "1.0.0-a", "1.0.0--", "1.0.0-a.b", "1.0.0-a.1", "1.0.0-a.1.0", "1.0.0-a-b", "1.0.0-0", "1.0.0-9", "1.0.0-10", "1.0.0-alpha.beta", "1.0.0-alpha.1", "1.0.0-Z.9", "1.0.0+a", "1.0.0+b", "1.0.0"}
	for i, a := range ord {
		for j, b := range ord {
			if i < j {
				fmt.Fprintf(out, "order\t%s\t%s\t%d\n", a, b, semver.MustParse(a).Compare(semver.MustParse(b)))
			}
		}
	}
	// ranges
	var cs []string
	cseen := map[string]bool{}
	add := func(s string) {
		if !cseen[s] {
			cseen[s] = true
			cs = append(cs, s)
		}
	}
	ops := []string{"", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"}
	operands := []string{"*", "x", "X", "*-0", "x-alpha", "0", "0.0", "0.0.0", "0.0.0-0", "0.0.3", "0.0.3-rc.1", "0.1", "0.2", "0.2.3", "0.2.3-beta.2", "0.2.x", "0.x", "1", "v1", "1.x", "1.x-0", "1-alpha",
		"1.*", "1.x.x", "1.x.3", "1.*.*-beta", "1.2", "1.2.x", "1.2.*", "1.2-beta", "1.2.x-0", "1.2.3", "v1.2.3", "1.2.3-0", "1.2.3-beta.2", "1.2.3+meta", "1.2.3-beta.1+meta", "01.2", "1.02.3", "2.0.0-beta", "2-0", "4.1-alpha", "18446744073709551615"}
	for _, op := range ops {
		for _, o := range operands {
			add(op + o)
		}
	}
	for _, op := range ops {
		add(op + " 1.2")
		add(" " + op + "1.2 ")
		add(op + "\t1.2.3")
	}
	for _, s := range []string{"", " ", "||", "^1 || ", " || ^1", ",1", "1,", "1,,2", ">=1<2", "^1 | ^2", "==1", "> =1", "~ >1", "1.2.3.4", "xx", "1x", "1|2", "18446744073709551616", "  *  ", "\t>=1\n<2",
		">=1.2,<2", ">=1.2 , <2", ">=1.2 ,<2", "^v1.2", "=v1", "1.1-2", "1.1 -2", "1.1- 2", "^1 - 2", ">=1 - 2", "~1 - 2", "1 - 2 - 3", ">3 1 - 2", ">3, 1 - 2", "1 - 2, >1.5", "1 - 2 || 4 - 5", "1 - 2||4 - 5", "1 - 2,1 - 2", "1 - 2 1 - 2",
		"1.2 - 1.4", "1.2 - 1.4.5", "1.x - 2", "* - 2", "1 - *", "1.2.3-alpha - 2", "1 - 2-beta", "v1 - v2", "1\t-\t2", "1\n - 2", "1  -  2", " 1 - 2 ", ">=1.0.0-0 <2.0.0", ">=1.0.0-0 <2.0.0-0", ">=1 <=2-beta || >3", "^1.0.0-0", "^1.2.0-alpha.0",
		"\v>=1", "1\u00a0", "^1.2.3-01", "^1.2.3-00.a", "~1.2.3+", "~1.2.3-", ">=1.2.3-a..b", "*.1", "x.1.2", "*.*", "1.x.x.x", "^", ">", "||||", "1||2||3", "1 || 2 || 3", "1 2 3", "=1 =2", "!=1.2.3 !=1.2.4", "!=1, !=2", "latest", "V1.2", "^V1", "1.2.3 -", "- 1.2.3", "1 -", "-1",
		">=1.0.0, <1.3.0 || ^2", "~1.2 || ~1.4 || 4.x", ">0.0.0-0", "<0.0.0", "<=0", ">=0-0", "!=0-0", "1.2.3|", "|1", "1|", "x|X", "1*", "*1", strings.Repeat("1", 300), "^1.2.3-" + strings.Repeat("a", 260), ">=" + strings.Repeat("0", 260) + "1.2"} {
		add(s)
	}
	calpha := "012.xX*-+ ,|<>=~^!va\t"
	for len(cs) < 1500 {
		n := 1 + r.Intn(9)
		b := make([]byte, n)
		for i := range b {
			b[i] = calpha[r.Intn(len(calpha))]
		}
		add(string(b))
		g := []byte(cs[r.Intn(600)])
		if len(g) > 0 && len(g) < 40 {
			g[r.Intn(len(g))] = calpha[r.Intn(len(calpha))]
			add(string(g))
		}
		sep := []string{" ", ", ", ",", " || ", "||", " , ", "  "}[r.Intn(7)]
		add(ops[r.Intn(len(ops))] + operands[r.Intn(len(operands))] + sep + ops[r.Intn(len(ops))] + operands[r.Intn(len(operands))])
		if r.Intn(3) == 0 {
			add(operands[r.Intn(len(operands))] + " - " + operands[r.Intn(len(operands))])
		}
	}
	errs, checks := 0, 0
	for _, s := range cs {
		c, err := semver.NewConstraint(s)
		if err != nil {
			errs++
			fmt.Fprintf(out, "range\t%s\t!\n", esc(s))
			continue
		}
		line := func() string {
			hex := make([]byte, 0, (len(vs)+3)/4)
			for i := 0; i < len(vs); i += 4 {
				x := 0
				for k := 0; k < 4 && i+k < len(vs); k++ {
					checks++
					if c.Check(vs[i+k]) {
						x |= 8 >> k
					}
				}
				hex = append(hex, "0123456789abcdef"[x])
			}
			return string(hex)
		}
		plain := line()
		c.IncludePrerelease = true
		with := line()
		fmt.Fprintf(out, "range\t%s\t%s\t%s\n", esc(s), plain, with)
	}
	fmt.Fprintln(os.Stderr, len(texts), "versions", len(cs), "ranges", errs, "errors", checks, "checks")
}
