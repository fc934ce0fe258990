"""NATS JetStream: connection, streams and consumers, fenced publishing."""
