package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// clientTLS trusts c's authority alone and verifies name; mutual shows c's
// client certificate.
func clientTLS(t *testing.T, c *Certificates, name string, mutual bool) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(c.CA) {
		t.Fatal("the authority's PEM holds no certificate")
	}
	conf := &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12}
	if mutual {
		pair, err := tls.X509KeyPair(c.ClientCert, c.ClientKey)
		if err != nil {
			t.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf
}

// shake runs one handshake and a byte each way, and returns both ends' errors.
func shake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		a, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer a.Close()
		conn := tls.Server(a, server)
		_, err = io.ReadFull(conn, make([]byte, 1))
		if err == nil {
			_, err = conn.Write([]byte{1})
		}
		done <- err
	}()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(b, client)
	_, clientErr = conn.Write([]byte{1})
	if clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 1))
	}
	b.Close()
	return <-done, clientErr
}

func TestCertificates(t *testing.T) {
	c, err := NewCertificates("bench.example", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	old := clientTLS(t, c, "localhost", false)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for _, tc := range []struct {
		name   string
		mutual bool
		client *tls.Config
		ok     bool
	}{
		{"localhost", false, clientTLS(t, c, "localhost", false), true},
		{"IPv4", false, clientTLS(t, c, "127.0.0.1", false), true},
		{"IPv6", false, clientTLS(t, c, "::1", false), true},
		{"extra name", false, clientTLS(t, c, "bench.example", false), true},
		{"extra address", false, clientTLS(t, c, "192.0.2.7", false), true},
		{"other name", false, clientTLS(t, c, "evil.example", false), false},
		{"other authority", false, clientTLS(t, other, "localhost", false), false},
		{"TLS 1.1", false, old, false},
		{"mutual", true, clientTLS(t, c, "localhost", true), true},
		{"mutual without certificate", true, clientTLS(t, c, "localhost", false), false},
		{"mutual of other authority", true, func() *tls.Config {
			conf := clientTLS(t, other, "localhost", true)
			conf.RootCAs = clientTLS(t, c, "localhost", false).RootCAs
			return conf
		}(), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			serverErr, clientErr := shake(t, c.ServerTLS(tc.mutual), tc.client)
			if err := errors.Join(serverErr, clientErr); (err == nil) != tc.ok {
				t.Errorf("handshake: %v, want success %t", err, tc.ok)
			}
		})
	}
	for name, pem := range map[string][3][]byte{
		"client authority":      {nil, nil, c.CA},
		"server certificate":    {c.ServerCert, nil, nil},
		"server certificate: ":  {c.ServerCert, c.ClientKey, nil},
		"no certificate in the": {c.ServerCert, c.ServerKey, []byte("x")},
	} {
		if _, err := TLS(pem[0], pem[1], pem[2]); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("bad PEM: %v, want an error with %q", err, name)
		}
	}
	if conf, err := TLS(nil, nil, nil); conf != nil || err != nil {
		t.Errorf("no PEM: %v, %v", conf, err)
	}
	conf, err := TLS(c.ServerCert, c.ServerKey, c.CA)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(shake(t, conf, clientTLS(t, c, "localhost", true))); err != nil {
		t.Errorf("mutual by PEM: %v", err)
	}
	if err := errors.Join(shake(t, conf, clientTLS(t, c, "localhost", false))); err == nil {
		t.Error("mutual by PEM: a client without certificate was accepted")
	}
	if _, err := NewCertificates(""); err == nil || !strings.Contains(err.Error(), "a host is empty") {
		t.Errorf("empty host: %v", err)
	}
}
