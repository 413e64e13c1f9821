//! A plan and the ports to a stream of events
