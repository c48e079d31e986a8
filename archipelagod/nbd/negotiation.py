"""
The server's side of newstyle fixed negotiation, without I/O.

Feed what the client sent; out come bytes to send and, in the end, an outcome: the client goes on to
transmission, or it is to be disconnected.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Sequence

from archipelagod.nbd import numbers as n
from archipelagod.nbd.options import (
    Export,
    chosen_contexts,
    information,
    listing,
    parse_contexts,
    parse_info,
    transmission_flags,
)
from archipelagod.nbd.questions import (
    Answer,
    Disconnected,
    Question,
    Refusal,
    Tls,
    Transmission,
    Wanted,
    WantedList,
    WantedTls,
)

_OPTION = struct.Struct(">QII")
_REPLY = struct.Struct(">QIII")
_ANNOUNCED = n.FLAG_FIXED_NEWSTYLE | n.FLAG_NO_ZEROES


_Steps = Generator[Question | None, Answer | None, None]
_FinalSteps = Generator[Question | None, Answer | None, Transmission | None]


class Negotiation:
    """
    One connection's negotiation.

    ``receive`` and ``answer`` return a question, a Transmission, or None for "wait for more"; after
    each, send what ``take`` gives.  Both raise Disconnected (send what ``take`` gives even then).
    """

    def __init__(self, tls: Tls = Tls.ABSENT) -> None:
        self._tls = tls
        self._is_secured = False
        self._pending = bytearray()
        self._out = bytearray(n.GREETING + struct.pack(">H", _ANNOUNCED))
        self._is_structured = False
        self._context_of: str | None = None  # the export for which base:allocation is chosen
        self._has_zeroes = True
        self._steps = self._run()
        self._question = next(self._steps)

    def take(self) -> bytes:
        """
        What is to be sent now.
        """
        out = bytes(self._out)
        self._out.clear()
        return out

    def receive(self, data: bytes) -> Question | Transmission | None:
        """
        Takes bytes from the client.
        """
        self._pending += data
        if self._question is not None:
            if len(self._pending) > n.MAX_OPTION_DATA + 64:
                raise Disconnected("too much sent ahead")
            return None
        return self._advance(None)

    def answer(self, answer: Answer) -> Question | Transmission | None:
        """
        Answers the last question.
        """
        assert self._question is not None
        return self._advance(answer)

    def _advance(self, answer: Answer | None) -> Question | Transmission | None:
        try:
            self._question = self._steps.send(answer)
        except StopIteration as finished:
            outcome: Transmission = finished.value
            return outcome
        return self._question

    # The generator yields None to wait for bytes, or a question.

    def _exactly(self, size: int) -> Generator[Question | None, Answer | None, bytes]:
        while len(self._pending) < size:
            yield None
        data = bytes(self._pending[:size])
        del self._pending[:size]
        return data

    def _skip(self, size: int) -> _Steps:
        while size > len(self._pending):
            size -= len(self._pending)
            self._pending.clear()
            yield None
        del self._pending[:size]

    def _run(self) -> Generator[Question | None, Answer | None, Transmission]:
        (flags,) = struct.unpack(">I", (yield from self._exactly(4)))
        if flags & ~_ANNOUNCED or not flags & n.FLAG_FIXED_NEWSTYLE:
            raise Disconnected(f"client flags {flags:#x}")
        self._has_zeroes = not flags & n.FLAG_NO_ZEROES
        while True:
            header = yield from self._exactly(_OPTION.size)
            magic, option, size = _OPTION.unpack(header)
            if magic != n.OPTION_MAGIC:
                raise Disconnected("bad option magic")
            if size > n.MAX_OPTION_DATA:
                yield from self._too_big(option, size)
                continue
            data = yield from self._exactly(size)
            outcome = yield from self._option(option, data)
            if outcome is not None:
                return outcome

    def _too_big(self, option: int, size: int) -> _Steps:
        if option == n.OPT_EXPORT_NAME:
            raise Disconnected("an endless name")
        yield from self._skip(size)
        if self._needs_tls(option):
            return
        self._refuse(option, Refusal(n.REP_ERR_TOO_BIG, f"{size} bytes of data"))

    def _needs_tls(self, option: int) -> bool:
        """
        Whether the option was refused because TLS comes first.
        """
        if self._tls is not Tls.REQUIRED or self._is_secured:
            return False
        if option == n.OPT_EXPORT_NAME:
            raise Disconnected("no TLS")  # the option has no other way to refuse
        if option in (n.OPT_STARTTLS, n.OPT_ABORT):
            return False
        self._refuse(option, Refusal(n.REP_ERR_TLS_REQD, "TLS is required here"))
        return True

    def _option(self, option: int, data: bytes) -> _FinalSteps:
        if self._needs_tls(option):
            return None
        if option == n.OPT_EXPORT_NAME:
            return (yield from self._export_name(data))
        if option == n.OPT_ABORT:
            self._reply(option, n.REP_ACK)
            raise Disconnected("aborted by the client")
        if option in (n.OPT_INFO, n.OPT_GO):
            return (yield from self._info(option, data))
        if option == n.OPT_LIST:
            yield from self._list(data)
        elif option == n.OPT_STARTTLS:
            yield from self._start_tls(data)
        elif option == n.OPT_STRUCTURED_REPLY:
            if not self._refuses_data(option, data):
                self._is_structured = True
                self._reply(option, n.REP_ACK)
        elif option in (n.OPT_SET_META_CONTEXT, n.OPT_LIST_META_CONTEXT):
            yield from self._contexts(option, data)
        else:
            self._refuse(option, Refusal(n.REP_ERR_UNSUP, f"option {option} is not known"))
        return None

    def _reply(self, option: int, kind: int, data: bytes = b"") -> None:
        self._out += _REPLY.pack(n.OPTION_REPLY_MAGIC, option, kind, len(data)) + data

    def _refuse(self, option: int, refusal: Refusal) -> None:
        self._reply(option, refusal.code, refusal.text.encode()[:4096])

    def _refuses_data(self, option: int, data: bytes) -> bool:
        if data:
            self._refuse(option, Refusal(n.REP_ERR_INVALID, "the option takes no data"))
        return bool(data)

    def _start_tls(self, data: bytes) -> _Steps:
        option = n.OPT_STARTTLS
        if self._tls is Tls.ABSENT:
            self._refuse(option, Refusal(n.REP_ERR_POLICY, "there is no TLS here"))
        elif self._is_secured:
            self._refuse(option, Refusal(n.REP_ERR_INVALID, "TLS was started already"))
        elif not self._refuses_data(option, data):
            if self._pending:  # someone put plain bytes in front of what is to be secret
                raise Disconnected("options sent ahead of TLS")
            self._reply(option, n.REP_ACK)
            yield WantedTls()
            self._is_secured = True
            self._is_structured = False
            self._context_of = None

    def _export_name(self, data: bytes) -> Generator[Question | None, Answer | None, Transmission]:
        name = data.decode("utf-8", "replace")
        found = yield Wanted(name, is_to_open=True)
        if not isinstance(found, Export):
            raise Disconnected("no such export")  # the option has no other way to refuse
        flags = transmission_flags(found, is_structured=self._is_structured)
        self._out += struct.pack(">QH", found.size_bytes, flags)
        if self._has_zeroes:
            self._out += bytes(124)
        return self._transmission(name, found)

    def _transmission(self, asked: str, export: Export) -> Transmission:
        has_status = self._is_structured and self._context_of == asked
        return Transmission(
            export, self._is_structured, has_status, self.take(), bytes(self._pending)
        )

    def _list(self, data: bytes) -> _Steps:
        if self._refuses_data(n.OPT_LIST, data):
            return
        marker = ""
        while True:
            found = yield WantedList(marker)
            if isinstance(found, Refusal):
                self._refuse(n.OPT_LIST, found)
                return
            assert isinstance(found, Sequence)
            if not found:
                break
            for export in found:
                self._reply(n.OPT_LIST, n.REP_SERVER, listing(export))
            marker = found[-1].name
        self._reply(n.OPT_LIST, n.REP_ACK)

    def _info(self, option: int, data: bytes) -> _FinalSteps:
        parsed = parse_info(data)
        if parsed is None:
            self._refuse(option, Refusal(n.REP_ERR_INVALID, "malformed option"))
            return None
        name, wanted = parsed
        found = yield Wanted(name, is_to_open=option == n.OPT_GO)
        if isinstance(found, Refusal):
            self._refuse(option, found)
            return None
        assert isinstance(found, Export)
        for info in information(found, wanted, is_structured=self._is_structured):
            self._reply(option, n.REP_INFO, info)
        self._reply(option, n.REP_ACK)
        return self._transmission(name, found) if option == n.OPT_GO else None

    def _contexts(self, option: int, data: bytes) -> _Steps:
        is_listing = option == n.OPT_LIST_META_CONTEXT
        if not is_listing:
            self._context_of = None
        parsed = parse_contexts(data)
        if parsed is None or not self._is_structured:
            self._refuse(option, Refusal(n.REP_ERR_INVALID, "malformed, or too early"))
            return
        name, queries = parsed
        found = yield Wanted(name, is_to_open=False)
        if isinstance(found, Refusal):
            self._refuse(option, found)
            return
        for number, context in chosen_contexts(queries, is_listing=is_listing):
            self._reply(option, n.REP_META_CONTEXT, struct.pack(">I", number) + context.encode())
            if not is_listing:
                self._context_of = name
        self._reply(option, n.REP_ACK)
