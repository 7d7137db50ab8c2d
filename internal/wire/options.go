package wire

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
)

// DialOptions are the options a grpc-go client needs to carry transport t with
// messages of up to maxMessage bytes: for GRPC (and Direct, whose messages are
// the same) the codec, the aligned pool and the limits; for Stock the limits.
func DialOptions(t Transport, maxMessage int) []grpc.DialOption {
	limits := grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage))
	if t == Stock {
		return []grpc.DialOption{limits}
	}
	return []grpc.DialOption{
		limits,
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(Codec{})),
		experimental.WithBufferPool(SharedPool()),
	}
}

// ServerOptions are the options a grpc-go server needs to carry transport t;
// see DialOptions.
func ServerOptions(t Transport, maxMessage int) []grpc.ServerOption {
	opts := []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage)}
	if t == Stock {
		return opts
	}
	return append(opts, grpc.ForceServerCodecV2(Codec{}), experimental.BufferPool(SharedPool()))
}
