"""The simulator's page in a real Chromium: what a person sees, hears and types. See `docs/testing.md`."""
