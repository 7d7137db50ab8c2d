package target

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// unreachable says why there is no connection, from the errors of net, tls and
// x509 and from findings; ok is false if err holds none of them.
func (t Target) unreachable(err error) (f finding, ok bool) {
	var (
		found   finding
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		roots   x509.SystemRootsError
		op      *net.OpError
	)
	switch {
	case err == nil:
		return f, false
	case errors.As(err, &found):
		return found, true
	case errors.As(err, &unknown):
		return t.unknownCA(unknown), true
	case errors.As(err, &name):
		return wrongName(name), true
	case errors.As(err, &invalid):
		return t.invalidCertificate(invalid), true
	case errors.As(err, &roots):
		return finding{fmt.Sprintf("this system has no CA certificates to verify the server with (%v)", roots.Err), "give --cacert"}, true
	case alertOf(err) != 0:
		return t.alerted(alertOf(err)), true
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return finding{fmt.Sprintf("no such host: %q has no address", dns.Name), "check the name"}, true
		}
		return finding{fmt.Sprintf("the name %q could not be looked up (%s)", dns.Name, dns.Err), "check the DNS server, or use an address"}, true
	case errors.Is(err, syscall.ECONNREFUSED) && t.network == "unix":
		return finding{"connection refused: the socket is there, but no server listens on it", "start the server"}, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return finding{"connection refused: nothing listens there", "start the server, check the port, and that the server listens on more than its own loopback address"}, true
	case errors.As(err, &op) && op.Op == "dial":
		return t.undialled(op), true
	}
	return f, false
}

// undialled says why a socket could not be connected.
func (t Target) undialled(op *net.OpError) finding {
	switch {
	case errors.Is(op, os.ErrNotExist):
		return finding{"there is no such socket", "start the server, or check the path"}
	case errors.Is(op, os.ErrPermission):
		return finding{"permission denied: this user may not connect there", ""}
	case errors.Is(op, syscall.ENOTSOCK), errors.Is(op, syscall.EPROTOTYPE):
		return finding{"the path is no stream socket", "check it"}
	case errors.Is(op, syscall.EHOSTUNREACH), errors.Is(op, syscall.ENETUNREACH):
		return finding{"no route to the host", "check the address and the network"}
	case op.Timeout():
		return finding{"nothing answers: the host is down or a firewall drops the connection", "check the address and the port"}
	}
	return finding{op.Err.Error(), ""}
}

func (t Target) unknownCA(e x509.UnknownAuthorityError) finding {
	by := "an unknown CA"
	if e.Cert != nil {
		by = fmt.Sprintf("%q", e.Cert.Issuer)
		if e.Cert.CheckSignatureFrom(e.Cert) == nil || e.Cert.Issuer.String() == e.Cert.Subject.String() {
			by = "itself"
		}
	}
	if t.TLS != nil && t.TLS.RootCAs != nil {
		return finding{fmt.Sprintf("wrong CA: its certificate is signed by %s, and not by what --cacert holds", by), "give the right CA"}
	}
	return finding{fmt.Sprintf("unknown CA: its certificate is signed by %s, which this system does not trust", by), "give its CA with --cacert"}
}

func wrongName(e x509.HostnameError) finding {
	var names []string
	if e.Certificate != nil {
		names = slices.Clone(e.Certificate.DNSNames)
		for _, ip := range e.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
	}
	switch {
	case len(names) == 0:
		return finding{fmt.Sprintf("wrong name: its certificate has no names at all (subjectAltName), so none that is %q", e.Host), "have the server get a new one"}
	case len(names) > 8:
		names = append(names[:8], fmt.Sprintf("and %d more", len(names)-8))
	}
	return finding{fmt.Sprintf("wrong name: its certificate is for %s, not for %q", strings.Join(names, ", "), e.Host), "connect by such a name, or give it with --server-name"}
}

func (t Target) invalidCertificate(e x509.CertificateInvalidError) finding {
	if e.Cert == nil {
		return finding{"its certificate is not valid: " + e.Error(), ""}
	}
	now := time.Now()
	if t.TLS != nil && t.TLS.Time != nil {
		now = t.TLS.Time()
	}
	whose := "its certificate"
	if e.Cert.IsCA {
		whose = fmt.Sprintf("the CA certificate %q", e.Cert.Subject)
	}
	const day = time.DateTime + " MST"
	switch {
	case e.Reason == x509.Expired && now.Before(e.Cert.NotBefore):
		return finding{fmt.Sprintf("%s is not valid before %s", whose, e.Cert.NotBefore.UTC().Format(day)), "check this machine's clock, or wait"}
	case e.Reason == x509.Expired:
		return finding{fmt.Sprintf("%s expired on %s", whose, e.Cert.NotAfter.UTC().Format(day)), "renew it, and have the server load it"}
	case e.Reason == x509.IncompatibleUsage:
		return finding{whose + " is not meant for a server (its key usage says otherwise)", "have the server get another one"}
	}
	return finding{whose + " is not valid: " + strings.TrimPrefix(e.Error(), "x509: "), ""}
}

// Alerts of RFC 8446, section 6.
const (
	alertHandshake     = 40
	alertBadCert       = 42
	alertUnsupported   = 43
	alertRevoked       = 44
	alertExpired       = 45
	alertCertUnknown   = 46
	alertUnknownCA     = 48
	alertAccess        = 49
	alertVersion       = 70
	alertName          = 112
	alertNeedsCert     = 116
	alertNoApplication = 120
)

// alertOf is the TLS alert with which the server ended the connection, 0 if it
// is not what err says. Package tls does not export the type that it uses over
// sockets, only that of the same text.
func alertOf(err error) uint8 {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0
	}
	for n := range 256 {
		if op.Err.Error() == tls.AlertError(n).Error() {
			return uint8(n)
		}
	}
	return 0
}

// What to do about client certificates.
const (
	giveCert      = "give --cert and --key"
	giveValidCert = "use one that is valid and signed by a CA that the server trusts"
)

// unsent is where the server names the CAs that it trusts, and none of them signed ours.
var unsent = finding{"it demands a client certificate of a CA that did not sign --cert", "use one that is signed by a CA that the server trusts"}

// alerted says what the server did not like.
func (t Target) alerted(alert uint8) finding {
	says := strings.TrimPrefix(tls.AlertError(alert).Error(), "tls: ")
	shown := t.TLS != nil && len(t.TLS.Certificates) > 0
	switch alert {
	case alertNeedsCert, alertBadCert, alertUnsupported, alertRevoked, alertExpired, alertCertUnknown, alertUnknownCA, alertAccess:
		if !shown {
			return finding{fmt.Sprintf("it demands a client certificate (%s)", says), giveCert}
		}
		if alert == alertNeedsCert {
			return unsent
		}
		return finding{fmt.Sprintf("it refuses the client certificate of --cert (%s)", says), giveValidCert}
	case alertHandshake:
		if !shown {
			return finding{"the TLS handshake failed on its side: it demands a client certificate, or shares no cipher with us", "if it does, " + giveCert}
		}
		return finding{"the TLS handshake failed on its side: it refuses the client certificate of --cert, or shares no cipher with us", "see what the server logs"}
	case alertVersion:
		return finding{"it has none of the TLS versions that are asked for", "raise the server's version, or lower --tls-min"}
	case alertName:
		return finding{fmt.Sprintf("it has no certificate for the name %q", t.host), "connect by another name, or give one with --server-name"}
	case alertNoApplication:
		return finding{"it speaks TLS there but not HTTP/2, which gRPC demands (ALPN)", "check the port, or have it offer the protocol h2"}
	}
	return finding{fmt.Sprintf("it ended the TLS handshake (%s)", says), "see what the server logs"}
}
