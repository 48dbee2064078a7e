package wrap_test

import (
	"slices"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/internal/wrap"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 13, []string{"one two three"}},
		{"one  two", 20, []string{"one two"}},
		{"a https://example.invalid/long b", 10, []string{"a", "https://example.invalid/long", "b"}},
		{"in 10" + wrap.NoBreak + "minutes", 6, []string{"in", "10 minutes"}},
		{"für jede Größe", 8, []string{"für jede", "Größe"}},
		{"会議 会議", 5, []string{"会議", "会議"}}, // two columns each
		{"no room", 0, []string{"no", "room"}},
	} {
		if got := wrap.Words(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestIndented(t *testing.T) {
	const text = "\nHead of a text\n  an entry of it\n  a   b\n"
	for width, want := range map[int]string{
		0:  text,
		80: text,
		10: "\nHead of a\ntext\n  an entry\n  of it\n  a   b\n",
	} {
		if got := wrap.Indented(text, width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}

func TestHanging(t *testing.T) {
	for width, want := range map[int]string{
		0:  "  retry  try it once more",
		15: "  retry  try it\n         once\n         more",
	} {
		if got := wrap.Hanging("  retry  ", "try it once more", width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}
