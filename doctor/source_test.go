package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/target"
	"flightbench/workloads"
)

// TestChosenData reads what Options name, not what is listed.
func TestChosenData(t *testing.T) {
	spec, err := workloads.Parse("lineitem")
	if err != nil {
		t.Fatal(err)
	}
	spec.Rows, spec.Distinct = 5000, 3
	ticket := workloads.Ticket{Spec: spec, Batches: 3, Compression: "zstd"}.Marshal()
	tt := serve(t, nil)
	for _, o := range []Options{{Ticket: ticket}, {Descriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: ticket}}} {
		r := examine(t, tt, o, "data")
		expect(t, r, "data", OK, "3 batches")
		expect(t, r, "compression", OK, "zstd, ")
	}
	r := examine(t, tt, Options{Ticket: []byte("nonsense")}, "data")
	expect(t, r, "data", Problem, "DoGet of the ticket given: INVALID_ARGUMENT")
	r = examine(t, tt, Options{Descriptor: &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"no", "such"}}}, "data", "locations")
	expect(t, r, "data", Problem, "no flight of that path; listed are: ")
	expect(t, r, "data", Problem, " → name another with --path")
}

// TestDataElsewhere reads from the location that an endpoint names, past one that cannot be reached.
func TestDataElsewhere(t *testing.T) {
	there := stock(t, &fake{messages: batchesOf(t, 2, 500)})
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	r := examine(t, stock(t, &fake{locations: []string{"grpc://" + dead.Addr().String(), there.URI}}), Options{}, "locations", "data", "cancellation")
	expect(t, r, "data", OK, "2 batches of 500 rows, 3.91 KiB (median), from "+there.URI)
	expect(t, r, "locations", Warning, "2 locations in 1 endpoint; grpc://"+dead.Addr().String()+" cannot be reached from here: connection refused")
	expect(t, r, "cancellation", Info, "the data is at another address")
}

// TestCertificates has servers whose certificate is wrong in one way each.
func TestCertificates(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name, host string
		from, to   time.Time
		level      Level
		words      string
	}{
		{"good", "127.0.0.1", now.Add(-time.Hour), now.AddDate(1, 0, 1), OK, "CN=toy, self-signed: verified by the CA given; 36"},
		{"soon over", "127.0.0.1", now.Add(-time.Hour), now.Add(5*24*time.Hour + time.Hour), Warning, "5 days left"},
		{"expired", "127.0.0.1", now.Add(-48 * time.Hour), now.Add(-24 * time.Hour), Problem, "it expired on " + now.Add(-24*time.Hour).UTC().Format(time.DateOnly) + " → renew"},
		{"not yet", "127.0.0.1", now.Add(24 * time.Hour), now.AddDate(1, 0, 0), Problem, ""},
		{"another name", "192.0.2.1", now.Add(-time.Hour), now.AddDate(1, 0, 0), Problem, "192.0.2.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "toy"}, NotBefore: tt.from, NotAfter: tt.to,
				IPAddresses: []net.IP{net.ParseIP(tt.host)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
			der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			conf := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}}
			plain := listen(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(nc, conf)) })
			to, err := target.Parse(strings.Replace(plain.URI, "grpc", "grpc+tls", 1))
			if err != nil {
				t.Fatal(err)
			}
			to.TLS = to.TLS.Clone()
			to.TLS.RootCAs = x509.NewCertPool()
			to.TLS.RootCAs.AddCert(leaf)
			r := examine(t, to, Options{Timeout: 300 * time.Millisecond})
			expect(t, r, "certificate", tt.level, tt.words)
			if tt.level != Problem {
				expect(t, r, "HTTP/2", Problem, "it agrees to TLS and HTTP/2, but then says nothing")
			}
		})
	}
}
