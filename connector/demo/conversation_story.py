"""The story of a conversation: messages both ways, their files and replies, and those that could not be delivered."""

from connector.demo import companies as world
from connector.demo.companies import Line
from connector.demo.records import Accepted, Event, Skipped
from connector.demo.teller import MESSAGES, Teller, Thread

_REFUSAL = {"code": "E-406", "description": "Recipient number is not in service"}


def conversation(teller: Teller, at_ms: int) -> list[Event]:
    """A customer and a company write to each other; some messages fail, some were written in Front."""
    company = teller.rng.choice(teller.companies)
    chat = _Chat(teller, teller.rng.choice(company.chat), teller.new_id("room"), at_ms)
    inbound = teller.chance(0.8)
    for _ in range(teller.rng.randrange(2, 9)):
        if inbound:
            chat.receive()
        else:
            chat.send()
        inbound = teller.chance(0.25) if inbound else teller.chance(0.75)
        chat.wait(3, 90)
    return chat.events


class _Chat(Thread):
    """One conversation."""

    def __init__(self, teller: Teller, line: Line, conversation_id: str, at_ms: int) -> None:
        super().__init__(teller, line, MESSAGES, conversation_id, at_ms)
        self.conversation_id = conversation_id
        self.agent = world.agent(teller.rng, line.company)
        person = world.customer(teller.rng)
        email = person.email if teller.chance(0.3) else None
        self.contact = {"address": person.number, "display_name": person.name, "email": email}
        self.last_id: str | None = None

    def _message(self, schema_name: str, expected: Accepted | Skipped, text: str, **more: object) -> str:
        teller = self.teller
        html = teller.chance(0.2)
        message_id = teller.new_id("msg")
        self.add(
            schema_name,
            expected,
            conversation_id=self.conversation_id,
            message_id=message_id,
            subject=None,
            text=f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>" if html else text,
            text_format="HTML" if html else "PLAIN",
            in_reply_to=self.last_id if teller.chance(0.25) else None,
            **more,
        )
        return message_id

    def receive(self) -> None:
        rng = self.teller.rng
        files = []
        if self.teller.chance(0.12):
            receipt = f"Receipt {rng.randrange(1000, 10_000)}\n" * rng.randrange(20, 100)
            files = [
                {
                    "name": "receipt.txt",
                    "content_type": "text/plain",
                    "content": receipt.encode(),
                    "url": None,
                }
            ]
        accepted = Accepted(("sync-inbound-message",))
        text = world.question(rng)
        self.last_id = self._message(
            "messaging.MessageReceived", accepted, text, sender=self.contact, attachments=files
        )

    def send(self) -> None:
        teller = self.teller
        roll = teller.rng.random()
        origin = "FRONT" if roll < 0.08 else "AUTOMATION" if roll < 0.25 else "DESK"
        refused = origin != "FRONT" and teller.chance(0.04)
        operations = ("sync-outbound-message", "update-external-message-status")
        expected = Accepted(operations if refused else operations[:1])
        message_id = self._message(
            "messaging.MessageSent",
            Skipped("written in Front") if origin == "FRONT" else expected,
            world.answer(teller.rng),
            origin=origin,
            agent=None if origin == "AUTOMATION" else self.agent,
            recipients=[self.contact],
            attachments=[],
            refusal=_REFUSAL if refused else None,
        )
        if origin == "FRONT":
            return  # Front did not get it from us, so no later message refers to it, and none of our news is about it
        self.last_id = message_id
        if not refused and teller.chance(0.1):
            self._fail(message_id)

    def _fail(self, message_id: str) -> None:
        final = Accepted(("update-external-message-status",))
        temporary = Skipped("failure that is not final")
        for will_retry in (True, False) if self.teller.chance(0.4) else (False,):
            self.wait(1, 20)
            self.add(
                "messaging.MessageFailed",
                temporary if will_retry else final,
                conversation_id=self.conversation_id,
                message_id=message_id,
                error=_REFUSAL if self.teller.chance(0.5) else {"code": "E-550", "description": None},
                will_retry=will_retry,
            )
