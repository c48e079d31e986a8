"""AMQP URIs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.amqp.address import BadAddress, BrokerAddress, parse


class ParseTests(SynchronousTestCase):
    """From text to an address."""

    def test_everything(self) -> None:
        """All parts are read, and their escapes."""
        self.assertEqual(
            parse("amqps://us%40er:p%2Fw@mq.example:5999/v%2Fh?heartbeat=7&cacertfile=/ca.pem"),
            BrokerAddress("mq.example", 5999, "us@er", "p/w", "v/h", True, 7, "/ca.pem"),
        )

    def test_defaults(self) -> None:
        """What is left out is as RabbitMQ has it."""
        plain = BrokerAddress("localhost", 5672, "guest", "guest", "/")
        self.assertEqual(parse("amqp://localhost"), plain)
        self.assertEqual(parse("amqp://localhost/"), plain)
        self.assertEqual(parse("amqps://localhost").port, 5671)

    def test_refused(self) -> None:
        """What is no broker's address is refused, and the refusal keeps the password."""
        for uri in (
            "http://h/",
            "amqp://u:hunter2@/",
            "amqp://u:hunter2@h:port/",
            "amqp://u:hunter2@h/?heartbeat=-1",
            "amqp://u:hunter2@h/?heartbeat=often",
            "amqp://u:hunter2@h/?hartbeat=1",
        ):
            error = self.assertRaises(BadAddress, parse, uri)
            self.assertNotIn("hunter2", str(error))

    def test_password_is_not_shown(self) -> None:
        """An address in a log has no password."""
        address = parse("amqp://u:hunter2@h")
        self.assertNotIn("hunter2", f"{address} {address!r}")
