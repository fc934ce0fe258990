"""Faults on purpose: real processes are killed and servers restarted while writers go on."""
