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
// x509 and from findings; "" if err holds none of them.
func (t Target) unreachable(err error) string {
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
		return ""
	case errors.As(err, &found):
		return string(found)
	case errors.As(err, &unknown):
		return t.unknownCA(unknown)
	case errors.As(err, &name):
		return wrongName(name)
	case errors.As(err, &invalid):
		return t.invalidCertificate(invalid)
	case errors.As(err, &roots):
		return fmt.Sprintf("this system has no CA certificates to verify the server with (%v): give --cacert", roots.Err)
	case alertOf(err) != 0:
		return t.alerted(alertOf(err))
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return fmt.Sprintf("no such host: %q has no address: check the name", dns.Name)
		}
		return fmt.Sprintf("the name %q could not be looked up (%s): check the DNS server, or use an address", dns.Name, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED) && t.network == "unix":
		return "connection refused: the socket is there, but no server listens on it: start the server"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there: start the server, check the port, and that the server listens on more than its own loopback address"
	case errors.As(err, &op) && op.Op == "dial":
		return t.undialled(op)
	}
	return ""
}

// undialled says why a socket could not be connected.
func (t Target) undialled(op *net.OpError) string {
	switch {
	case errors.Is(op, os.ErrNotExist):
		return "there is no such socket: start the server, or check the path"
	case errors.Is(op, os.ErrPermission):
		return "permission denied: this user may not connect there"
	case errors.Is(op, syscall.ENOTSOCK), errors.Is(op, syscall.EPROTOTYPE):
		return "the path is no stream socket: check it"
	case errors.Is(op, syscall.EHOSTUNREACH), errors.Is(op, syscall.ENETUNREACH):
		return "no route to the host: check the address and the network"
	case op.Timeout():
		return "nothing answers: the host is down or a firewall drops the connection: check the address and the port"
	}
	return op.Err.Error()
}

func (t Target) unknownCA(e x509.UnknownAuthorityError) string {
	by := "an unknown CA"
	if e.Cert != nil {
		by = fmt.Sprintf("%q", e.Cert.Issuer)
		if e.Cert.CheckSignatureFrom(e.Cert) == nil || e.Cert.Issuer.String() == e.Cert.Subject.String() {
			by = "itself"
		}
	}
	if t.TLS != nil && t.TLS.RootCAs != nil {
		return fmt.Sprintf("wrong CA: its certificate is signed by %s, and not by what --cacert holds: give the right CA", by)
	}
	return fmt.Sprintf("unknown CA: its certificate is signed by %s, which this system does not trust: give its CA with --cacert", by)
}

func wrongName(e x509.HostnameError) string {
	var names []string
	if e.Certificate != nil {
		names = slices.Clone(e.Certificate.DNSNames)
		for _, ip := range e.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
	}
	switch {
	case len(names) == 0:
		return fmt.Sprintf("wrong name: its certificate has no names at all (subjectAltName), so none that is %q: have the server get a new one", e.Host)
	case len(names) > 8:
		names = append(names[:8], fmt.Sprintf("and %d more", len(names)-8))
	}
	return fmt.Sprintf("wrong name: its certificate is for %s, not for %q: connect by such a name, or give it with --server-name", strings.Join(names, ", "), e.Host)
}

func (t Target) invalidCertificate(e x509.CertificateInvalidError) string {
	if e.Cert == nil {
		return "its certificate is not valid: " + e.Error()
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
		return fmt.Sprintf("%s is not valid before %s: check this machine's clock, or wait", whose, e.Cert.NotBefore.UTC().Format(day))
	case e.Reason == x509.Expired:
		return fmt.Sprintf("%s expired on %s: renew it, and have the server load it", whose, e.Cert.NotAfter.UTC().Format(day))
	case e.Reason == x509.IncompatibleUsage:
		return whose + " is not meant for a server (its key usage says otherwise): have the server get another one"
	}
	return whose + " is not valid: " + strings.TrimPrefix(e.Error(), "x509: ")
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

// alerted says what the server did not like.
func (t Target) alerted(alert uint8) string {
	says := strings.TrimPrefix(tls.AlertError(alert).Error(), "tls: ")
	shown := t.TLS != nil && len(t.TLS.Certificates) > 0
	switch alert {
	case alertNeedsCert, alertBadCert, alertUnsupported, alertRevoked, alertExpired, alertCertUnknown, alertUnknownCA, alertAccess:
		if !shown {
			return fmt.Sprintf("it demands a client certificate (%s): give --cert and --key", says)
		}
		if alert == alertNeedsCert { // ours is not sent where the server names CAs that did not sign it
			return "it demands a client certificate of a CA that did not sign --cert: use one that is signed by a CA that the server trusts"
		}
		return fmt.Sprintf("it refuses the client certificate of --cert (%s): use one that is valid and signed by a CA that the server trusts", says)
	case alertHandshake:
		if !shown {
			return "the TLS handshake failed on its side: it demands a client certificate (give --cert and --key), or shares no cipher with us"
		}
		return "the TLS handshake failed on its side: it refuses the client certificate of --cert, or shares no cipher with us"
	case alertVersion:
		return "it has none of the TLS versions that are asked for: raise the server's version, or lower --tls-min"
	case alertName:
		return fmt.Sprintf("it has no certificate for the name %q: connect by another name, or give one with --server-name", t.host)
	case alertNoApplication:
		return "it speaks TLS there but not HTTP/2, which gRPC demands (ALPN): check the port, or have it offer the protocol h2"
	}
	return fmt.Sprintf("it ended the TLS handshake (%s): see what the server logs", says)
}
