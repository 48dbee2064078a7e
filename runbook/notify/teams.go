package notify

import "strings"

// part is one element of an Adaptive Card.
type part map[string]any

// card is a notice as a Workflows webhook of Microsoft Teams takes it: a message with one Adaptive Card
// (page "Create and send messages", learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using;
// the elements are those of adaptivecards.io, 1.4). The older Office 365 connectors, and their
// MessageCard, are retired. Words that come from elsewhere stand in text runs, which know no markup.
func card(x Notice) part {
	content := part{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
		"type":    "AdaptiveCard",
		"version": "1.4",
		"msteams": part{"width": "Full"},
		"body":    body(x),
	}
	if x.Link != "" {
		content["actions"] = []part{{"type": "Action.OpenUrl", "title": "Open the run", "url": x.Link}}
	}
	return part{"type": "message", "attachments": []part{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": content}}}
}

func body(x Notice) []part {
	colour := map[Event]string{Waiting: "Warning", Failed: "Attention", Owed: "Attention", Ended: "Default"}[x.Event]
	out := []part{{"type": "RichTextBlock", "inlines": []part{{"type": "TextRun", "text": x.headline(), "weight": "Bolder", "size": "Medium", "color": colour}}}}
	if x.Step != "" {
		out = append(out, text(part{"text": cut(step(x), longestTitle), "isSubtle": true}))
	}
	if x.Event != Ended {
		out = append(out, text(part{"text": x.Text}))
	}
	if x.Next != "" {
		out = append(out, text(part{"text": x.Next, "fontType": "Monospace"}))
	}
	return out
}

// step names the step, its title and its clauses.
func step(x Notice) string {
	s := x.Step
	if x.Title != "" {
		s += ": " + x.Title
	}
	if len(x.Clauses) > 0 {
		s += " [" + strings.Join(x.Clauses, " ") + "]"
	}
	return s
}

func text(run part) part {
	run["type"] = "TextRun"
	return part{"type": "RichTextBlock", "inlines": []part{run}}
}
