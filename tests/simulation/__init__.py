"""The deterministic simulation: real polling code and pipeline on a simulated clock, Kafka, Front, registry and file hosts."""
