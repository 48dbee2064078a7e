package runbook

import (
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"
)

// A page has some thousand cells, and a template takes longer for each than for all the rest. So these
// functions write them, as a template would: all that comes from the run goes through breakable or quoted.

// Body is the rows in their places. A cell is under its head, or, the first one, the name of its row; an
// empty one names nothing.
func (g grid) Body() template.HTML {
	var b strings.Builder
	narrow := g.narrow()
	for _, row := range g.Rows {
		b.WriteString("<tr>")
		for i, d := range row {
			class := ""
			if narrow[i] {
				class = ` class="n"`
			}
			if i > 0 || strings.TrimSpace(d.Text) == "" {
				b.WriteString(`<td data-h="` + quoted(g.Head[i]) + `"` + class + ">" + d.html() + "</td>")
			} else {
				b.WriteString(`<th scope="row"` + d.id() + class + ">" + d.html() + "</th>")
			}
		}
		b.WriteString("</tr>\n")
	}
	return template.HTML(b.String())
}

// narrowText is how many letters the texts of a narrow column have at most.
const narrowText = 16

// narrow says of each column whether it is.
func (g grid) narrow() []bool {
	out := slices.Repeat([]bool{true}, len(g.Head))
	for _, row := range g.Rows {
		for j, d := range row {
			out[j] = out[j] && len(d.Links) == 0 && utf8.RuneCountInString(d.Text) <= narrowText
		}
	}
	return out
}

func (d datum) id() string {
	if d.ID == "" {
		return ""
	}
	return ` id="` + quoted(d.ID) + `"`
}

// HTML is what the cell holds.
func (d datum) HTML() template.HTML { return template.HTML(d.html()) }

func (d datum) html() string {
	out := ""
	switch {
	case d.Ref != "":
		out = anchor(d.Ref, d.Text)
	case d.Class != "":
		out = `<b class="` + quoted(d.Class) + `">` + string(breakable(d.Text)) + "</b>"
	case d.Time:
		out = `<span class="t">` + quoted(d.Text) + "</span>"
	default:
		out = string(breakable(d.Text))
	}
	for i, l := range d.Links {
		if i > 0 {
			out += ","
		}
		out += " " + anchor(l.Ref, l.Text)
	}
	return out
}

// anchor leads to a place within the page.
func anchor(ref, text string) string {
	return `<a href="#` + quoted(ref) + `">` + string(breakable(text)) + "</a>"
}

// quoted is text within an attribute, escaped as templates do it.
func quoted(s string) string {
	return strings.ReplaceAll(template.HTMLEscapeString(s), "+", "&#43;")
}
