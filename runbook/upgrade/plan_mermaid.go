package upgrade

import (
	"fmt"
	"io"
	"strings"
)

// WriteMermaid shows the plan as a Mermaid flowchart: a box for each phase, side by side what runs so, and
// styles for what is irreversible, opens something to put back, or needs a person.
// See https://mermaid.js.org/syntax/flowchart.html.
func (v PlanView) WriteMermaid(w io.Writer) {
	m := &mermaid{}
	fmt.Fprintf(m, "flowchart TD\n%%%% plan %s\n", v.Hash)
	for _, phase := range v.Phases {
		m.phase(phase)
	}
	for i := 1; i < len(m.units); i++ {
		fmt.Fprintf(m, "  %s --> %s\n", m.units[i-1], m.units[i])
	}
	m.WriteString(mermaidStyles)
	_, _ = io.WriteString(w, m.String())
}

const mermaidStyles = `  classDef irreversible fill:#b3261e,color:#ffffff,stroke:#5c0f0a,stroke-width:3px
  classDef human fill:#ffe08a,color:#222222,stroke:#8a6d00
  classDef opens fill:#cfe8ff,color:#222222,stroke:#1f5f99
  classDef checked fill:#e3f4e3,color:#222222,stroke:#2e7d32
  classDef plain fill:#f2f2f2,color:#222222,stroke:#777777
`

// mermaid gathers the chart. units are what follows upon each other: steps, and groups as a whole.
type mermaid struct {
	strings.Builder
	units       []string
	nodes, subs int
}

func (m *mermaid) phase(p PlanPhase) {
	m.open("  ", p.Name+about(", ", p.ExpectedSeconds), "TB")
	group := ""
	for _, s := range p.Steps {
		if group != "" && s.Group != group {
			m.WriteString("    end\n")
		}
		if s.Group != "" && s.Group != group {
			m.units = append(m.units, m.open("    ", "side by side", "LR"))
		}
		group = s.Group
		m.step(s)
	}
	if group != "" {
		m.WriteString("    end\n")
	}
	m.WriteString("  end\n")
}

func (m *mermaid) open(indent, title, direction string) (id string) {
	m.subs++
	id = fmt.Sprintf("g%d", m.subs)
	fmt.Fprintf(m, "%ssubgraph %s[\"%s\"]\n%s  direction %s\n", indent, id, mermaidText(title), indent, direction)
	return id
}

func (m *mermaid) step(s PlanStep) {
	m.nodes++
	id := fmt.Sprintf("s%d", m.nodes)
	if s.Group == "" {
		m.units = append(m.units, id)
	}
	label := "<b>" + mermaidText(s.ID) + "</b><br/>" + mermaidText(strings.Join(s.Clauses, " ")+about(", ", s.ExpectedSeconds)) + "<br/>" + mermaidText(s.Does)
	if len(s.Opens) > 0 {
		label += "<br/>" + mermaidText("to put back: "+strings.Join(s.Opens, ", "))
	}
	fmt.Fprintf(m, "      %s[\"%s\"]:::%s\n", id, label, s.style())
}

func (s PlanStep) style() string {
	switch {
	case s.Irreversible:
		return "irreversible"
	case s.Asks != nil:
		return "human"
	case len(s.Opens) > 0:
		return "opens"
	case s.Checked != nil:
		return "checked"
	}
	return "plain"
}

// mermaidText keeps a text from ending its label or being markup: what could is written as its code, as
// https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters says.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range Printable(s) {
		if strings.ContainsRune("\"#<>&;`\\%{}[]()|*_~:/", r) {
			fmt.Fprintf(&b, "#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
