package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// TLS makes Options.TLS of PEM blocks: the server's certificate with its chain,
// its private key, and, to demand that clients show certificates, the
// authorities ca that may have signed them. Without any of them it is nil, which
// is plaintext. Versions below TLS 1.2 are refused.
func TLS(cert, key, ca []byte) (*tls.Config, error) {
	if len(cert) == 0 && len(key) == 0 {
		if len(ca) > 0 {
			return nil, errors.New("a client authority needs TLS: give a server certificate and its key as well")
		}
		return nil, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("server certificate: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if len(ca) > 0 {
		t.ClientAuth, t.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !t.ClientCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("client authority: no certificate in the PEM: give the CA that signs the clients' certificates")
		}
	}
	return t, nil
}
