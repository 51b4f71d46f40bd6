"""What people need who write mapping files: one record tried, tests, a plan before a change, a first file.

Everything here sends nothing to Front and commits nothing in Kafka. Reading configuration is done in `connector/config`,
mapping in `connector/core/mapping`; here their results are made visible.
"""
