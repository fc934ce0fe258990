"""Who somebody is and what it may do: connections, secrets, tokens and signatures."""
