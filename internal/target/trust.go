package target

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Trust says how a grpc+tls server is verified, and names the client's own
// certificate. Paths are of PEM files. The zero value means the system's roots,
// no client certificate, the URI's host, and TLS 1.2 or above.
type Trust struct {
	CACert     string // certificates that sign the server's
	Cert, Key  string // the client's own, for mutual TLS
	ServerName string // the name that the server's certificate must have, instead of the URI's host
	MinVersion string // "1.2" or "1.3"
	SkipVerify bool   // take any certificate: whoever answers can read and change everything
}

// material is a Trust read from its files.
type material struct {
	roots      *x509.CertPool // nil: the system's
	certs      []tls.Certificate
	serverName string
	minVersion uint16
	skipVerify bool
}

// WithTrust returns t with the files read. Locations that the server names are
// trusted in the same way (see Session.At).
func (t Target) WithTrust(f Trust) (Target, error) {
	if f == (Trust{}) {
		return t, nil
	}
	if t.TLS == nil {
		return t, fmt.Errorf("target %q is plaintext but --cacert, --cert, --key, --server-name, --tls-min or --tls-skip-verify was given: write grpc+tls://", t.URI)
	}
	p, err := f.read()
	if err != nil {
		return t, err
	}
	return t.trusting(p), nil
}

// WithLocationTrust is WithTrust for the grpc+tls locations that a server names
// alone: t itself, which may be plaintext, stays as it is.
func (t Target) WithLocationTrust(f Trust) (Target, error) {
	p, err := f.read()
	if err != nil {
		return t, err
	}
	t.trust = p
	return t, nil
}

// WithPEM returns t, also a plaintext one, with TLS that trusts the
// certificates of ca (nil: the system's) and presents cert and key (nil: none).
// The server is always verified.
func (t Target) WithPEM(ca, cert, key []byte, serverName string) (Target, error) {
	p := material{serverName: serverName}
	if err := p.add(ca, cert, key); err != nil {
		return t, fmt.Errorf("target %q: %w", t.URI, err)
	}
	return t.trusting(p), nil
}

func (f Trust) read() (material, error) {
	p := material{serverName: f.ServerName, skipVerify: f.SkipVerify}
	switch f.MinVersion {
	case "":
	case "1.2":
		p.minVersion = tls.VersionTLS12
	case "1.3":
		p.minVersion = tls.VersionTLS13
	default:
		return p, fmt.Errorf("--tls-min %q: use 1.2 or 1.3", f.MinVersion)
	}
	if f.SkipVerify && (f.CACert != "" || f.ServerName != "") {
		return p, fmt.Errorf("--tls-skip-verify takes any certificate, so --cacert and --server-name would say nothing: leave one or the other out")
	}
	var ca, cert, key []byte
	for _, r := range []struct {
		flag, path string
		to         *[]byte
	}{{"cacert", f.CACert, &ca}, {"cert", f.Cert, &cert}, {"key", f.Key, &key}} {
		if r.path == "" {
			continue
		}
		b, err := os.ReadFile(r.path)
		if err != nil {
			return p, fmt.Errorf("--%s: %w", r.flag, err)
		}
		*r.to = b
	}
	return p, p.add(ca, cert, key)
}

// add reads PEM; nil is none. Errors of a key do not quote it.
func (p *material) add(ca, cert, key []byte) error {
	if ca != nil {
		p.roots = x509.NewCertPool()
		if !p.roots.AppendCertsFromPEM(ca) {
			return fmt.Errorf("--cacert holds no PEM certificate")
		}
	}
	if (cert == nil) != (key == nil) {
		return fmt.Errorf("a client certificate needs both --cert and --key")
	}
	if cert != nil {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("--cert and --key: %w", err)
		}
		p.certs = []tls.Certificate{pair}
	}
	return nil
}

// trusting returns t with TLS as p says.
func (t Target) trusting(p material) Target {
	if t.TLS == nil {
		t.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.host}
	} else {
		t.TLS = t.TLS.Clone()
	}
	t.trust = p
	t.TLS.RootCAs, t.TLS.Certificates, t.TLS.InsecureSkipVerify = p.roots, p.certs, p.skipVerify
	if p.minVersion != 0 {
		t.TLS.MinVersion = p.minVersion
	}
	if p.serverName != "" {
		t.TLS.ServerName = p.serverName
	}
	return t
}
