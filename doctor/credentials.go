package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"flightbench/internal/target"
)

type credentialsData struct {
	Asked     []string `json:"asked_for_by,omitempty"` // calls that a stranger is refused
	Challenge string   `json:"challenge,omitempty"`    // www-authenticate
	Handshake verdict  `json:"handshake"`
	Given     string   `json:"given,omitempty"` // the method of those given
}

// asStranger makes every call without credentials. What it finds is told by credentials.
func (x *examiner) asStranger(ctx context.Context) {
	l, err := dialBare(x.t)
	if err != nil {
		x.halt = "no connection could be made"
		x.fail(ctx, "", err, "", nil)
		return
	}
	var f found
	x.strange, f = callAll(ctx, l, x.o.WriteProbe)
	if hasCredentials(x.t) {
		l.close()
		return
	}
	x.link, x.calls, x.found = l, x.strange, f
}

// credentials tells what the server asks for, and whether it takes those given.
func (x *examiner) credentials(ctx context.Context) {
	asked := x.strange.with(refuses)
	data := credentialsData{Asked: asked, Challenge: x.challenge(), Handshake: x.strange["Handshake"].Verdict}
	if !hasCredentials(x.t) {
		x.uninvited(asked, data)
		return
	}
	data.Given = given(x.t)
	l, err := dialLink(ctx, x.t, target.Tuning{})
	if err != nil {
		x.fail(ctx, fmt.Sprintf("the %s given is not taken: ", data.Given), err, x.schemes(data), data)
		x.halt = "the server does not let us in"
		return
	}
	x.link = l
	x.calls, x.found = callAll(ctx, l, x.o.WriteProbe)
	still := x.calls.with(refuses)
	let := slices.DeleteFunc(slices.Clone(asked), func(m string) bool { return slices.Contains(still, m) })
	switch {
	case len(asked) == 0 && len(still) == 0:
		x.add(Info, fmt.Sprintf("the server asks for none: calls without the %s given are answered as well", data.Given), "", data)
	case len(still) > 0 && len(let) == 0:
		x.add(Problem, fmt.Sprintf("the %s given does not open %s: %s%s", data.Given, some(still, 4), x.calls[still[0]].Code, x.quote(x.calls[still[0]].message)), x.schemes(data), data)
	case len(still) > 0:
		x.add(Warning, fmt.Sprintf("the %s given opens %s, but not %s: %s%s", data.Given, some(let, 4), some(still, 4), x.calls[still[0]].Code, x.quote(x.calls[still[0]].message)),
			"use credentials that may call them, if you need them", data)
	case !slices.ContainsFunc(asked, func(m string) bool { v := x.calls[m].Verdict; return v == has || v == lacks }):
		x.add(Info, fmt.Sprintf("asked for; whether the %s given is taken cannot be told: %s", data.Given, x.calls[asked[0]].Verdict), "", data)
	default:
		x.add(OK, fmt.Sprintf("asked for, and the %s given is taken", data.Given), "", data)
	}
	if p, err := placeOf(x.t.URI); err == nil && x.t.TLS == nil && p.network == "tcp" && !loopback(p.host) {
		x.add(Warning, "they travel in plaintext", "use TLS: anyone on the way can read and use them", nil)
	}
}

// uninvited tells what is asked for where none were given.
func (x *examiner) uninvited(asked []string, data credentialsData) {
	switch {
	case len(asked) == 0 && len(x.strange.with(has)) == 0:
		return // nothing answered: the calls tell
	case len(asked) == 0:
		text := "none asked for: anyone who reaches the server may make these calls"
		if x.mutual {
			text = "none asked for beside the client certificate"
		}
		if data.Handshake == has {
			text += "; Handshake is there, but nothing needs it"
		}
		x.add(Info, text, "", data)
	case !x.strange.open():
		first := x.strange[asked[0]]
		x.add(Problem, fmt.Sprintf("asked for by every call, and none were given: nothing can be measured without: %s%s", first.Code, x.quote(first.message)), x.schemes(data), data)
	default:
		first := x.strange[asked[0]]
		x.add(Warning, fmt.Sprintf("asked for by %s: %s%s", some(asked, 4), first.Code, x.quote(first.message)), x.schemes(data), data)
	}
}

// schemes says how to give credentials, as far as the server lets us know.
func (x *examiner) schemes(d credentialsData) string {
	challenge := strings.ToLower(d.Challenge)
	switch {
	case strings.HasPrefix(challenge, "bearer"):
		return "give the bearer token that it asks for: --token"
	case strings.HasPrefix(challenge, "basic"):
		return "give the user and password that it asks for: --auth basic --user"
	case d.Handshake == has && x.strange["Handshake"].Code != target.CodeName(codes.OK): // it waits for a message
		return "give a user by --auth handshake or handshake-plain, since Handshake is there and reads a message; or else by --auth basic, or --token"
	case d.Handshake == has:
		return "give a user by --auth basic or handshake, since Handshake is there; or else --token"
	case d.Handshake == lacks:
		return "give --token, a user by --auth basic, or a header by -H, since there is no Handshake"
	}
	return "give --token, or a user by --auth basic or handshake"
}

// challenge is www-authenticate of a refusal, empty if there is none.
func (x *examiner) challenge() string {
	for _, name := range x.strange.with(refuses) {
		a := x.strange[name]
		for _, v := range append(a.trailer.Get("www-authenticate"), a.header.Get("www-authenticate")...) {
			return x.clip(v, 100)
		}
	}
	return ""
}

// given names what t proves itself with.
func given(t target.Target) string {
	switch t.Auth.Method {
	case "", "none":
		return "header"
	case "token":
		return "token"
	case "basic":
		return "user and password (basic)"
	}
	return "user and password (" + t.Auth.Method + ")"
}
