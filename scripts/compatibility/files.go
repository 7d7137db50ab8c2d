package main

import (
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flightbench/server"
)

// writeCertificates makes ca.pem, cert.pem, key.pem for servers, client.pem and
// client.key for clients, and other.pem, an authority that signed none of them.
func (l *lab) writeCertificates() error {
	c, err := server.NewCertificates()
	if err != nil {
		return err
	}
	other, err := server.NewCertificates()
	if err != nil {
		return err
	}
	for name, pem := range map[string][]byte{"ca.pem": c.CA, "cert.pem": c.ServerCert, "key.pem": c.ServerKey,
		"client.pem": c.ClientCert, "client.key": c.ClientKey, "other.pem": other.CA} {
		if err := os.WriteFile(l.path(name), pem, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeParams writes params.arrow: one row with one int64, for a statement with
// one parameter.
func (l *lab) writeParams() error {
	schema := arrow.NewSchema([]arrow.Field{{Name: "1", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	batch := b.NewRecordBatch()
	defer batch.Release()
	f, err := os.Create(l.path("params.arrow"))
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	if err := w.Write(batch); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return w.Close()
}
