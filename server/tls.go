package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// TLS builds Options.TLS from PEM. Without cert it is nil: plaintext. With
// clientCA every client must show a certificate that it signed.
func TLS(cert, key, clientCA []byte) (*tls.Config, error) {
	if len(cert) == 0 {
		if len(clientCA) > 0 {
			return nil, errors.New("a client CA is given but no server certificate: client certificates need TLS, give --cert and --key too")
		}
		return nil, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("server certificate: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if len(clientCA) > 0 {
		t.ClientAuth, t.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !t.ClientCAs.AppendCertsFromPEM(clientCA) {
			return nil, errors.New("the client CA holds no PEM certificate")
		}
	}
	return t, nil
}
