"""NATS JetStream: connection, streams, and reading a stream without a gap."""
