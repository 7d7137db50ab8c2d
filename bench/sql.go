package bench

// sqlKinds are the operations of Flight SQL.
func sqlKinds() []opKind { return nil }
