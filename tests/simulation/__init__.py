"""The deterministic simulation: the real polling code and the real pipeline on a simulated clock, Kafka, Front and registry."""
