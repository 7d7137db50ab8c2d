package results

// Metrics of where the time of a trial's streams went. Their sum is 1. Those
// named in Trial.Approximate are estimates.
const (
	TimeWaiting = "time_share_waiting"      // for data: the network or the server
	TimeFlow    = "time_share_flow_control" // to be let send: the receiver or its window
	TimeBusy    = "time_share_busy"         // in the client: the generator
	TimeIdle    = "time_share_idle"         // slots of an open loop without a stream
)
