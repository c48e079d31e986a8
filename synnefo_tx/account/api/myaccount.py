"""
/myaccount/default_project and /feedback.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from synnefo_tx.account.api.changing import doing_of, write
from synnefo_tx.account.api.context import PREFIX, Context, read_object
from synnefo_tx.account.errors import ToldTooOften
from synnefo_tx.account.notices import Notice
from synnefo_tx.account.rows.names import set_default_project
from synnefo_tx.account.rules.project_bodies import LONGEST_TEXT, read_id
from synnefo_tx.errors import BadRequest, TooManyRequests
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import address_of
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.throttle import Throttle

FEEDBACK = Limits(free=5, longest_s=600)
FROM_ADDRESS = Limits(free=50, longest_s=120)


def add_routes(router: Router, context: Context) -> None:
    """
    Serve what a user says of the own account.
    """
    throttle = Throttle(context.clock, FEEDBACK, FROM_ADDRESS, counted="feedback")

    @router.route("POST", f"{PREFIX}/myaccount/default_project", "account:set_default_project")
    async def default_project(call: Call) -> Reply:
        project_id = read_id(read_object(call), "project_id")
        doing_of(context, call)  # none of this by what was only handed on
        await write(
            context,
            call,
            "account:set_default_project",
            ("user", call.token.user_id),
            {"project_id": project_id},
            set_default_project,
            call.token.user_id,
            project_id,
        )
        return empty_reply(200)

    @router.route("POST", f"{PREFIX}/feedback", "account:send_feedback")
    async def feedback(call: Call) -> Reply:
        form = parse_qs(call.raw_body().decode("utf-8", "replace"), keep_blank_values=True)
        message, data = _field(form, "feedback_msg"), _field(form, "feedback_data")
        if not message:
            raise BadRequest("feedback_msg: This field is required.")
        _count(throttle, call)
        details = {"user_id": call.token.user_id, "message": message, "data": data}
        notice = Notice("feedback", "", to_admins=True, details=details)
        await context.database.write(context.notifier.notify, notice)
        return empty_reply(200)


def _count(throttle: Throttle, call: Call) -> None:
    """
    Raises ToldTooOften: each feedback is a letter to administrators.
    """
    try:
        throttle.begin(call.token.user_id, address_of(call)).failed()
    except TooManyRequests as error:
        raise ToldTooOften(error.retry_after_s) from error


def _field(form: dict[str, list[str]], name: str) -> str:
    text = form.get(name, [""])[-1]
    if len(text) > LONGEST_TEXT:
        raise BadRequest(f"{name} exceeds max length {LONGEST_TEXT}")
    return text
