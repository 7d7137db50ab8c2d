package results

import (
	"regexp"
	"strings"
)

// maxMessage is how many characters of an error are told below a table. The
// results hold all of it.
const maxMessage = 300

// traceback begins what a Python server sends after its own words.
var traceback = regexp.MustCompile(`[.\s]*(?:Detail: Python exception:)?\s*Traceback \(most recent call last\):`)

// Brief is an error in one line of at most n characters, without a server's
// traceback, of which its last line, the exception, stands for what nobody
// said before.
func Brief(message string, n int) string {
	head, tail := message, ""
	if at := traceback.FindStringIndex(message); at != nil {
		head, tail = message[:at[0]], strings.TrimSpace(message[at[1]:])
	}
	text := strings.TrimSpace(head)
	if tail != "" && (text == "" || strings.HasSuffix(text, ":") || strings.HasSuffix(text, "desc =")) {
		text = strings.TrimSpace(text + " " + tail[strings.LastIndex(tail, "\n")+1:])
	}
	return cut(strings.Join(strings.Fields(Clean(text)), " "), n)
}

// FirstLine is Brief of the message's first line that says something.
func FirstLine(message string, n int) string {
	first, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	if text := Brief(first, n); text != "" && !strings.HasSuffix(text, ":") && !strings.HasSuffix(text, "desc =") {
		return text
	}
	return Brief(message, n)
}

// cut is s with at most n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimRight(string(r[:n-1]), " ") + "…"
	}
	return s
}
