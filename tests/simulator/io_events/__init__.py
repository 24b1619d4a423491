"""What stands in for Adobe I/O Events? Registrations, signed webhook deliveries with retries, journals, keys."""

from __future__ import annotations

from simulator.io_events.control import IoEventsControl
from simulator.io_events.faults import EventFault
from simulator.io_events.letters import Effect
from simulator.io_events.payloads import Emitted
from simulator.io_events.post import Attempt
from simulator.io_events.registrations import Registration
from simulator.io_events.service import IoEvents

__all__ = ["Attempt", "Effect", "Emitted", "EventFault", "IoEvents", "IoEventsControl", "Registration"]
