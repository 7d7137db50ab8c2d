package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"
)

// Certificates are made on the fly for one server and its clients: an ECDSA
// P-256 authority that lives in memory only, and what it signed. Everything is
// PEM; keys are PKCS #8. The authority's key is thrown away once both
// certificates are signed. They are valid for 30 days.
type Certificates struct {
	CA                    []byte // for clients that verify the server, and the other way round
	ServerCert, ServerKey []byte
	ClientCert, ClientKey []byte // for --tls mtls
	serverPair            tls.Certificate
	authority             *x509.CertPool
}

const certificateLife = 30 * 24 * time.Hour

// NewCertificates makes an authority, a server certificate for localhost,
// 127.0.0.1, ::1 and hosts (names or IP addresses), and a client certificate.
func NewCertificates(hosts ...string) (*Certificates, error) {
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	ca := template("flightbench ephemeral CA", now)
	ca.IsCA, ca.BasicConstraintsValid, ca.MaxPathLenZero = true, true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}

	srv := template("flightbench server", now)
	srv.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range append([]string{"localhost", "127.0.0.1", "::1"}, hosts...) {
		switch ip := net.ParseIP(h); {
		case h == "":
			return nil, errors.New("make server certificate: a host is empty: name it or leave it out")
		case ip != nil:
			srv.IPAddresses = append(srv.IPAddresses, ip)
		default:
			srv.DNSNames = append(srv.DNSNames, h)
		}
	}
	cli := template("flightbench client", now)
	cli.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}

	c := &Certificates{CA: pemBlock("CERTIFICATE", caDER), authority: x509.NewCertPool()}
	c.authority.AddCert(ca)
	if c.ServerCert, c.ServerKey, err = sign(srv, ca, caKey); err != nil {
		return nil, fmt.Errorf("make server certificate for %q: %w", hosts, err)
	}
	if c.ClientCert, c.ClientKey, err = sign(cli, ca, caKey); err != nil {
		return nil, fmt.Errorf("make client certificate: %w", err)
	}
	if c.serverPair, err = tls.X509KeyPair(c.ServerCert, c.ServerKey); err != nil {
		return nil, fmt.Errorf("make server certificate: %w", err)
	}
	return c, nil
}

// ServerTLS is for Options.TLS: TLS 1.2 at least, and with mutual every client
// must show a certificate that the authority signed.
func (c *Certificates) ServerTLS(mutual bool) *tls.Config {
	t := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{c.serverPair},
	}
	if mutual {
		t.ClientAuth = tls.RequireAndVerifyClientCert
		t.ClientCAs = c.authority
	}
	return t
}

func template(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), // a peer's clock may be behind
		NotAfter:  now.Add(certificateLife),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

func sign(t, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (cert, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, &k.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	return pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", keyDER), nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
