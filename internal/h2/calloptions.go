package h2

import (
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// callOptions is what grpc's call options ask of one call.
type callOptions struct {
	headers   []*metadata.MD
	trailers  []*metadata.MD
	peers     []*peer.Peer
	creds     []credentials.PerRPCCredentials
	onFinish  []func(error)
	maxRecv   int
	maxSend   int
	wait      bool
	authority string
	comp      string
	sub       string
	codec     encoding.CodecV2
}

// apply reads opts in order; the last one of a kind counts.
func (o *callOptions) apply(opts []grpc.CallOption) error {
	for _, opt := range opts {
		switch v := opt.(type) {
		case grpc.HeaderCallOption:
			o.headers = append(o.headers, v.HeaderAddr)
		case grpc.TrailerCallOption:
			o.trailers = append(o.trailers, v.TrailerAddr)
		case grpc.PeerCallOption:
			o.peers = append(o.peers, v.PeerAddr)
		case grpc.PerRPCCredsCallOption:
			o.creds = append(o.creds[:len(o.creds):len(o.creds)], v.Creds)
		case grpc.OnFinishCallOption:
			o.onFinish = append(o.onFinish, v.OnFinish)
		case grpc.MaxRecvMsgSizeCallOption:
			o.maxRecv = v.MaxRecvMsgSize
		case grpc.MaxSendMsgSizeCallOption:
			o.maxSend = v.MaxSendMsgSize
		case grpc.FailFastCallOption:
			o.wait = !v.FailFast
		case grpc.AuthorityOverrideCallOption:
			o.authority = v.Authority
		case grpc.CompressorCallOption:
			o.comp = v.CompressorType
		case grpc.ContentSubtypeCallOption:
			o.sub = v.ContentSubtype
		case grpc.ForceCodecV2CallOption:
			o.codec = v.CodecV2
		case grpc.ForceCodecCallOption:
			o.codec = codecV1(v.Codec)
		case grpc.CustomCodecCallOption:
			o.codec = oldCodec{v.Codec.Marshal, v.Codec.Unmarshal, v.Codec.String()}
		case grpc.MaxRetryRPCBufferSizeCallOption, grpc.StaticMethodCallOption, grpc.EmptyCallOption:
			// Nothing here is retried from a buffer of that size, nor labelled by method.
		default:
			return status.Error(codes.Unimplemented, fmt.Sprintf("call option %T is not supported by the direct transport; use the grpc transport", opt))
		}
	}
	return nil
}

// coding resolves the codec and compressors of a call.
func (o *callOptions) coding() (cd coding, sub string, err error) {
	cd.maxSend = o.maxSend
	sub = strings.ToLower(o.sub)
	if cd.codec = o.codec; cd.codec == nil {
		if cd.codec = lookCodec(sub); cd.codec == nil {
			return cd, sub, status.Errorf(codes.Internal, "no codec registered for content-subtype %s", sub)
		}
	} else if sub == "" {
		sub = strings.ToLower(cd.codec.Name())
	}
	comp, ok := compressor(o.comp)
	if !ok {
		return cd, sub, status.Errorf(codes.Internal, "no compressor registered for %q", o.comp)
	}
	cd.comp = comp
	return cd, sub, nil
}
