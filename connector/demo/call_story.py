"""The story of a call: its legs, their states, and what is written about it afterwards.

States follow one another as Front's call states may, and assets come after the end (Front's docs, "Voice channels").
"""

from connector.demo import companies as world
from connector.demo.companies import Line
from connector.demo.records import Accepted, Event, Skipped
from connector.demo.teller import CALLS, Teller, Thread


def call(teller: Teller, at_ms: int) -> list[Event]:
    """A call from its first ring to its transcript, or to its early end; now and then with a transfer."""
    company = teller.rng.choice(teller.companies)
    line = teller.rng.choice(company.voice)
    incoming = teller.chance(0.65)
    leg = _Leg(teller, line, teller.new_id("call"), at_ms, incoming=incoming)
    if incoming and teller.chance(0.25):
        leg.create(queue=teller.rng.choice(("sales", "support", "billing")))
    else:
        leg.create()
    if not incoming:
        leg.wait(0.1, 0.4)
        leg.state("DIALING")
    if teller.chance(0.72):
        return leg.talk()
    leg.wait(5, 40)
    ends = ("CALLER_GAVE_UP", "NO_ANSWER", "VOICEMAIL") if incoming else ("NO_ANSWER", "BUSY")
    end = teller.rng.choice(ends)
    leg.state(end)
    if end == "VOICEMAIL":
        leg.wait(8, 30)
        leg.recording("VOICEMAIL")
    return leg.events


class _Leg(Thread):
    """One leg of a call."""

    def __init__(self, teller: Teller, line: Line, call_id: str, at_ms: int, *, incoming: bool) -> None:
        super().__init__(teller, line, CALLS, call_id, at_ms)
        self.call_id = call_id
        self.incoming = incoming
        self.agent = world.agent(teller.rng, line.company)
        self.customer = world.customer(teller.rng)

    def create(self, queue: str | None = None, original_call_id: str | None = None) -> None:
        self.add(
            "telephony.CallCreated",
            Accepted(("create-call",)),
            call_id=self.call_id,
            original_call_id=original_call_id,
            direction="INCOMING" if self.incoming else "OUTGOING",
            remote_party={
                "number": self.customer.number,
                "display_name": self.customer.name if self.teller.chance(0.7) else None,
            },
            queue=queue,
            agent=None if queue else self.agent,
        )

    def state(self, name: str, duration_ms: int | None = None) -> None:
        nothing_at_front = name in ("DIALING", "WRAP_UP")
        self.add(
            "telephony.CallUpdated",
            Skipped("state that Front does not have") if nothing_at_front else Accepted(("update-call",)),
            call_id=self.call_id,
            state=name,
            agent=self.agent,
            duration_ms=duration_ms,
        )

    def talk(self) -> list[Event]:
        """From the answer to the end, and what is written about it afterwards."""
        teller = self.teller
        self.wait(2, 25)
        self.state("ANSWERED")
        answered_ms = self.at_ms
        self.wait(15, 120)
        if teller.chance(0.2):
            self.state("ON_HOLD")
            self.wait(5, 40)
            self.state("RESUMED")
            self.wait(10, 60)
        if teller.chance(0.1):
            self.state("TRANSFERRED")
            return [*self.events, *self._next_leg()]
        self.state("COMPLETED", duration_ms=self.at_ms - answered_ms)
        if teller.chance(0.3):
            self.wait(1, 20)
            self.state("WRAP_UP")
        for share, write in ((0.8, self._conversation), (0.65, self.summary), (0.6, self.transcript)):
            if teller.chance(share):
                self.wait(2, 15)
                write()
        return self.events

    def _next_leg(self) -> list[Event]:
        leg = _Leg(self.teller, self.line, self.teller.new_id("call"), self.at_ms, incoming=self.incoming)
        leg.customer = self.customer
        leg.wait(0.2, 1)
        leg.create(original_call_id=self.call_id)
        leg.wait(2, 15)
        leg.state("ANSWERED")
        leg.wait(10, 90)
        leg.state("COMPLETED")
        return leg.events

    def _conversation(self) -> None:
        self.recording("CONVERSATION")

    def recording(self, kind: str) -> None:
        audio = {
            "name": f"{self.call_id}.wav",
            "content_type": "audio/wav",
            "content": world.beep(self.teller.rng),
            "url": None,
        }
        accepted = Accepted(("add-call-recording",))
        self.add(
            "telephony.CallRecordingReady",
            accepted,
            call_id=self.call_id,
            kind=kind,
            audio=audio,
            duration_ms=None,
        )

    def summary(self) -> None:
        rng = self.teller.rng
        self.add(
            "telephony.CallSummarized",
            Accepted(("add-call-summary",)),
            call_id=self.call_id,
            summary=f"{self.customer.name} asked: {world.question(rng)}",
            action_items=[world.answer(rng)] if self.teller.chance(0.5) else [],
            language="en-GB",
        )

    def transcript(self) -> None:
        silent = self.teller.chance(0.06)
        self.add(
            "telephony.CallTranscribed",
            Skipped("transcript without words") if silent else Accepted(("add-call-transcript",)),
            call_id=self.call_id,
            segments=self._segments(silent=silent),
            language="en-GB",
        )

    def _segments(self, *, silent: bool) -> list[dict[str, object]]:
        rng = self.teller.rng
        segments: list[dict[str, object]] = []
        offset_ms = 0
        for turn in range(rng.randrange(2, 9)):
            agents = turn % 2 == 0
            text = world.answer(rng) if agents else world.question(rng)
            # Now and then there is a stretch that the recogniser did not understand.
            heard = not silent and (turn == 0 or not self.teller.chance(0.1))
            segments.append({
                "speaker": "AGENT" if agents else "CUSTOMER",
                "speaker_name": self.agent["name"] if agents else None,
                "offset_ms": offset_ms,
                "duration_ms": 60 * len(text),
                "text": text if heard else "",
                "confidence": round(rng.uniform(0.6, 1), 3),
            })  # fmt: skip
            offset_ms += 60 * len(text) + rng.randrange(200, 1500)
        return segments
