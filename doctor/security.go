package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// soon is how many days before its end a certificate is warned about.
const soon = 30

type certificateData struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Names    []string  `json:"names,omitempty"`
	NotAfter time.Time `json:"not_after"`
	DaysLeft int       `json:"days_left"`
	Chain    int       `json:"chain"` // certificates that the server sent
}

type tlsData struct {
	Version     string           `json:"version"`
	Cipher      string           `json:"cipher"`
	Verified    bool             `json:"verified"`
	Certificate *certificateData `json:"certificate,omitempty"`
}

// security shakes hands by itself, so that a certificate can be described also where it is not to be trusted.
func (x *examiner) security(ctx context.Context) {
	p, err := placeOf(x.t.URI)
	if err != nil {
		panic(err) // address has parsed it
	}
	if x.t.TLS == nil {
		if p.network == "unix" || loopback(p.host) {
			x.add(Info, "none: plaintext, on this machine", "", nil)
		} else {
			x.add(Warning, "none: anyone on the way can read and change what is sent", "serve grpc+tls:// if the network is not trusted", nil)
		}
		return
	}
	first, cancel := context.WithTimeout(ctx, x.o.Timeout*3/5) // the rest is for finding out why not
	state, asked, err := handshake(first, p, x.t.TLS)
	cancel()
	if err != nil {
		x.halt = "there is no TLS connection"
		x.fail(ctx, "", status.Error(codes.Unavailable, err.Error()), "", nil)
		return
	}
	certErr := verify(state, x.t.TLS)
	data := tlsData{Version: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite), Verified: certErr == nil && !x.t.TLS.InsecureSkipVerify}
	if len(state.PeerCertificates) > 0 {
		data.Certificate = describe(state.PeerCertificates)
	}
	text := data.Version + ", " + data.Cipher
	switch given := len(x.t.TLS.Certificates) > 0; {
	case given && asked:
		x.mutual = true
		text += ", with a client certificate"
	case given:
		text += ", which asks for no client certificate"
	case asked:
		text += ", which asks for a client certificate"
	}
	switch {
	case state.NegotiatedProtocol != "h2":
		x.halt = "the server does not speak HTTP/2 there"
		x.add(Problem, fmt.Sprintf("%s, but the server does not agree to HTTP/2 (ALPN %q)", text, state.NegotiatedProtocol),
			"offer h2 by ALPN: gRPC needs it. An HTTPS port or a proxy without HTTP/2 looks like this", data)
	case state.Version < tls.VersionTLS12:
		x.add(Warning, text+" is out of date", "serve TLS 1.2 and 1.3", data)
	default:
		x.add(OK, text, "", data)
	}
	x.certificate(ctx, data.Certificate, certErr)
}

// handshake connects as conf says, but trusts every certificate. asked tells whether the server wants one of the client, too.
func handshake(ctx context.Context, p place, conf *tls.Config) (state tls.ConnectionState, asked bool, err error) {
	address := p.path
	if p.network == "tcp" {
		address = net.JoinHostPort(p.host, p.port)
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, p.network, address)
	if err != nil {
		return state, false, err
	}
	defer nc.Close()
	conf = conf.Clone()
	given := conf.Certificates
	conf.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		for i := range given {
			if info.SupportsCertificate(&given[i]) == nil {
				return &given[i], nil
			}
		}
		return new(tls.Certificate), nil // none
	}
	conf.NextProtos = []string{"h2"}
	conf.InsecureSkipVerify, conf.VerifyPeerCertificate, conf.VerifyConnection = true, nil, nil
	tc := tls.Client(nc, conf)
	if err := tc.HandshakeContext(ctx); err != nil {
		return state, asked, err
	}
	return tc.ConnectionState(), asked, nil
}

// verify checks the server's certificates as crypto/tls does.
func verify(state tls.ConnectionState, conf *tls.Config) error {
	if len(state.PeerCertificates) == 0 {
		return fmt.Errorf("the server sent no certificate")
	}
	o := x509.VerifyOptions{Roots: conf.RootCAs, DNSName: conf.ServerName, Intermediates: x509.NewCertPool()}
	if conf.Time != nil {
		o.CurrentTime = conf.Time()
	}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := state.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}

func describe(chain []*x509.Certificate) *certificateData {
	c := chain[0]
	d := &certificateData{Subject: clip(c.Subject.String(), 80), Issuer: clip(c.Issuer.String(), 80), NotAfter: c.NotAfter,
		DaysLeft: int(time.Until(c.NotAfter).Hours() / 24), Chain: len(chain)}
	for _, name := range c.DNSNames {
		d.Names = append(d.Names, clip(name, 80))
	}
	for _, ip := range c.IPAddresses {
		d.Names = append(d.Names, ip.String())
	}
	return d
}

// certificate tells of the certificate and its verification.
func (x *examiner) certificate(ctx context.Context, d *certificateData, err error) {
	x.topic = "certificate"
	if d == nil {
		x.add(Problem, "the server showed none", "give the server a certificate", nil)
		return
	}
	by := "the system's CAs"
	if x.t.TLS.RootCAs != nil {
		by = "the CA given"
	}
	subject := d.Subject
	if subject == "" {
		subject = strings.Join(d.Names, ", ")
	}
	what := fmt.Sprintf("%s, issued by %s", subject, d.Issuer)
	if d.Subject == d.Issuer {
		what = subject + ", self-signed"
	}
	until := fmt.Sprintf("%s left, until %s", count(d.DaysLeft, "day"), d.NotAfter.Format(time.DateOnly))
	switch {
	case time.Now().After(d.NotAfter):
		x.add(Problem, fmt.Sprintf("%s: it expired on %s", what, d.NotAfter.Format(time.DateOnly)), "renew it, and have the server load it", nil)
	case err != nil && !x.t.TLS.InsecureSkipVerify:
		x.fail(ctx, what+": ", err, "", nil)
	case d.DaysLeft < soon:
		x.add(Warning, fmt.Sprintf("%s: %s", what, until), "renew it before then, and make sure that the server loads it", nil)
	case !x.t.TLS.InsecureSkipVerify:
		x.add(OK, fmt.Sprintf("%s: verified by %s; %s", what, by, until), "", nil)
	}
	if x.t.TLS.InsecureSkipVerify {
		text := fmt.Sprintf("%s: NOT VERIFIED, as you asked with --tls-skip-verify; %s", what, until)
		if err != nil {
			why, _ := explain(ctx, x.t, err)
			text = "NOT VERIFIED, as you asked with --tls-skip-verify; it would fail: " + why
		}
		x.add(Warning, text, "give its CA with --cacert: without verification anyone can pose as the server", nil)
		return
	}
	if err != nil {
		x.halt = "its certificate cannot be trusted (--tls-skip-verify examines the server all the same)"
	}
}
