package target

import (
	"strings"
	"testing"
)

func TestTrust(t *testing.T) {
	ca := newAuthority(t, "test CA")
	_, certPEM, keyPEM := ca.issue(t, nil)
	caFile, certFile, keyFile := file(t, "ca.pem", ca.pem), file(t, "c.pem", certPEM), file(t, "k.pem", keyPEM)
	plain, err := Parse("grpc://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	at, err := Parse("grpc+tls://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		trust Trust
		mode  string
		min   uint16
		name  string
	}{
		{Trust{}, "on", 0x303, "127.0.0.1"},
		{Trust{CACert: caFile, MinVersion: "1.3"}, "on", 0x304, "127.0.0.1"},
		{Trust{CACert: caFile, Cert: certFile, Key: keyFile, ServerName: "x", MinVersion: "1.2"}, "mtls", 0x303, "x"},
		{Trust{SkipVerify: true}, "on", 0x303, "127.0.0.1"},
	} {
		got, err := at.WithTrust(tt.trust)
		if err != nil || got.Mode() != tt.mode || got.TLS.MinVersion != tt.min || got.TLS.ServerName != tt.name ||
			(got.TLS.RootCAs != nil) != (tt.trust.CACert != "") || got.TLS.InsecureSkipVerify != tt.trust.SkipVerify {
			t.Errorf("%+v: %+v, %v", tt.trust, got.TLS, err)
		}
	}
	if at.TLS.RootCAs != nil || at.Mode() != "on" {
		t.Error("the original has changed")
	}
	for _, tt := range []struct {
		at    Target
		trust Trust
		want  string
	}{
		{plain, Trust{CACert: caFile}, "is plaintext"}, {plain, Trust{SkipVerify: true}, "is plaintext"}, {plain, Trust{MinVersion: "1.3"}, "is plaintext"},
		{at, Trust{CACert: caFile + "x"}, "--cacert: open"}, {at, Trust{CACert: keyFile}, "no PEM certificate"},
		{at, Trust{Cert: certFile}, "both --cert and --key"}, {at, Trust{Key: keyFile}, "both --cert and --key"}, {at, Trust{Cert: keyFile, Key: certFile}, "--cert and --key: "},
		{at, Trust{MinVersion: "1.1"}, `--tls-min "1.1": use 1.2 or 1.3`}, {at, Trust{SkipVerify: true, CACert: caFile}, "leave one or the other out"},
	} {
		if _, err := tt.at.WithTrust(tt.trust); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.trust, err, tt.want)
		}
	}
	if got, err := plain.WithPEM(ca.pem, certPEM, keyPEM, "x"); err != nil || got.Mode() != "mtls" || got.TLS.ServerName != "x" || plain.TLS != nil {
		t.Errorf("WithPEM: %+v, %v", got.TLS, err)
	}
	if _, err := plain.WithLocationTrust(Trust{MinVersion: "2"}); err == nil {
		t.Error("WithLocationTrust takes anything")
	}
}
