package h2

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// benchChild serves blobs by kind until its input ends.
func benchChild(kind string) error {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(lis.Addr())
	go serveBlobs(kind, lis, nil)
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	return err
}

func serveBlobs(kind string, lis net.Listener, cfg *tls.Config) (stop func()) {
	if kind == "raw" {
		go serveRaw(lis)
		return func() { lis.Close() }
	}
	if kind == "grpc" {
		s := grpc.NewServer(grpc.ForceServerCodecV2(blobCodec{}), grpc.MaxRecvMsgSize(1<<30))
		s.RegisterService(&blobService, nil)
		go s.Serve(lis)
		return s.Stop
	}
	o := DefaultServerOptions()
	fromEnv(&o.Tuning)
	o.TLS = cfg
	o.Codec = blobCodec{}
	s := NewServer(o)
	s.RegisterService(&blobService, nil)
	go s.Serve(lis)
	return s.Stop
}

// fromEnv sets sizes to be compared: H2_TUNE="SendFrame=65536 Window=1048576".
func fromEnv(t *Tuning) {
	for f := range strings.FieldsSeq(os.Getenv("H2_TUNE")) {
		name, v, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(v)
		if err != nil {
			panic(err)
		}
		reflect.ValueOf(t).Elem().FieldByName(name).SetInt(int64(n))
	}
}

func benchServer(b *testing.B, kind string) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "H2_BENCH="+kind)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(addr)
}

func benchClient(b *testing.B, kind, addr string) grpc.ClientConnInterface {
	if kind == "grpc" {
		cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithInitialWindowSize(8<<20), grpc.WithInitialConnWindowSize(32<<20))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { cc.Close() })
		return cc
	}
	o := testClientOptions(addr)
	fromEnv(&o.Tuning)
	cc, err := NewClient(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cc.Close() })
	return cc
}

func serverCPU(b *testing.B, cc grpc.ClientConnInterface) float64 {
	s, err := openBlob(context.Background(), cc, "CPU")
	if err != nil {
		b.Fatal(err)
	}
	var m blob
	if err := s.SendMsg(getRequest(0, 0, 0)); err == nil {
		s.CloseSend()
		err = s.RecvMsg(&m)
		if err != nil {
			b.Fatal(err)
		}
	}
	for s.RecvMsg(&blob{}) == nil {
	}
	return float64(binary.BigEndian.Uint64(m.data)) / 1e9
}

var benchSizes = map[string]int{"2MiB": 2 << 20, "128KiB": 128 << 10, "4KiB": 4 << 10}

func benchEach(b *testing.B, f func(b *testing.B, cc grpc.ClientConnInterface, size int, count bool)) {
	for _, kind := range []string{"direct", "grpc"} {
		for _, level := range []string{"count", "batch"} {
			for _, size := range []string{"2MiB", "128KiB", "4KiB"} {
				b.Run(kind+"/"+level+"/"+size, func(b *testing.B) {
					addr := benchServer(b, kind)
					cc := benchClient(b, kind, addr)
					n := benchSizes[size]
					b.SetBytes(int64(n))
					sc, c, calls := serverCPU(b, cc), cpu(), int64(0)
					if d, ok := cc.(*ClientConn); ok {
						calls = d.Syscalls()
					}
					b.ReportAllocs()
					b.ResetTimer()
					f(b, cc, n, level == "count")
					b.StopTimer()
					gb := float64(n) * float64(b.N) / 1e9
					b.ReportMetric((cpu()-c)/gb, "cli-s/GB")
					if d, ok := cc.(*ClientConn); ok {
						b.ReportMetric(float64(d.Syscalls()-calls)/gb, "cli-calls/GB")
					}
					b.ReportMetric((serverCPU(b, cc)-sc)/gb, "srv-s/GB")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// serveRaw sends as many messages of a size as each connection asks for: what TCP alone can do.
func serveRaw(lis net.Listener) {
	for {
		nc, err := lis.Accept()
		if err != nil {
			return
		}
		go func() {
			defer nc.Close()
			var req [16]byte
			if _, err := io.ReadFull(nc, req[:]); err != nil {
				return
			}
			p := make([]byte, binary.BigEndian.Uint64(req[8:]))
			for range binary.BigEndian.Uint64(req[:]) {
				if _, err := nc.Write(p); err != nil {
					return
				}
			}
		}()
	}
}

func BenchmarkRaw(b *testing.B) {
	for _, read := range []int{64 << 10, 256 << 10, 1 << 20, 2 << 20} {
		b.Run(fmt.Sprint(read>>10, "KiB"), func(b *testing.B) {
			nc, err := net.Dial("tcp", benchServer(b, "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			const size = 2 << 20
			b.SetBytes(size)
			c := cpu()
			nc.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(b.N)), size))
			p := make([]byte, read)
			for left := b.N * size; left > 0; {
				n, err := nc.Read(p)
				if err != nil {
					b.Fatal(err)
				}
				left -= n
			}
			b.ReportMetric((cpu()-c)/(size*float64(b.N)/1e9), "cli-s/GB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	benchEach(b, func(b *testing.B, cc grpc.ClientConnInterface, size int, count bool) {
		s, err := openBlob(context.Background(), cc, "Get")
		if err != nil {
			b.Fatal(err)
		}
		if err := s.SendMsg(getRequest(b.N, size, 4)); err != nil {
			b.Fatal(err)
		}
		s.CloseSend()
		m := &blob{count: count}
		for range b.N {
			if err := s.RecvMsg(m); err != nil {
				b.Fatal(err)
			}
		}
		for s.RecvMsg(m) == nil {
		}
	})
}

func BenchmarkPut(b *testing.B) {
	benchEach(b, func(b *testing.B, cc grpc.ClientConnInterface, size int, count bool) {
		if !count {
			b.Skip("the server only counts")
		}
		s, err := openBlob(context.Background(), cc, "Put")
		if err != nil {
			b.Fatal(err)
		}
		m := &blob{data: make([]byte, size), parts: 4}
		fill(m.data, 1)
		for range b.N {
			if err := s.SendMsg(m); err != nil {
				b.Fatal(err)
			}
		}
		s.CloseSend()
		if err := s.RecvMsg(&blob{}); err != nil {
			b.Fatal(err)
		}
	})
}
