// Package wrap breaks texts for a screen.
package wrap

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// NoBreak is a space at which no text is broken; it is shown as a plain one.
const NoBreak = "\u00a0"

// Words breaks a text at its spaces into lines of at most width columns. A word that is wider stands alone.
// There is at least one line.
func Words(s string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' }) {
		if line != "" && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += strings.ReplaceAll(word, NoBreak, " ")
	}
	return append(lines, line)
}

// Indented breaks each line of a text that is wider than width columns, and keeps its indentation. With a width of
// 0 nothing is broken.
func Indented(s string, width int) string {
	if width <= 0 {
		return s
	}
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		if runewidth.StringWidth(line) > width {
			text := strings.TrimLeft(line, " ")
			line = Hanging(line[:len(line)-len(text)], text, width)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// Hanging puts a text behind its head and breaks it so that all of its lines begin in one column. With a width of 0
// nothing is broken.
func Hanging(head, s string, width int) string {
	if width <= 0 {
		return head + s
	}
	column := runewidth.StringWidth(head)
	indent := strings.Repeat(" ", column)
	return head + strings.Join(Words(s, width-column), "\n"+indent)
}
