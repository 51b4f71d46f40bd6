"""Programs that the tests start are guarded as the demo's connector is: none outlives whoever started it."""

from connector.demo.process import Guarded

__all__ = ["Guarded"]
